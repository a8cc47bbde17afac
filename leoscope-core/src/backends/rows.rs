//! Statements as the backends use them: prepared once, with errors of our own.

use rusqlite::types::Type;
use rusqlite::{ErrorCode, OptionalExtension, Params, Row, Transaction};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::time::Timestamp;

/// Carries out `statement` and says how many rows it changed.
pub(super) fn execute(tx: &Transaction<'_>, statement: &str, values: impl Params) -> Result<usize> {
    tx.prepare_cached(statement).and_then(|mut statement| statement.execute(values)).map_err(sql)
}

/// The first row that `select` finds.
pub(super) fn one<T>(
    tx: &Transaction<'_>,
    select: &str,
    values: impl Params,
    row: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Option<T>> {
    tx.prepare_cached(select).and_then(|mut query| query.query_row(values, row).optional()).map_err(sql)
}

/// All rows that `select` finds.
pub(super) fn all<T>(
    tx: &Transaction<'_>,
    select: &str,
    values: impl Params,
    row: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>> {
    tx.prepare_cached(select).and_then(|mut query| query.query_map(values, row)?.collect()).map_err(sql)
}

/// A record as it is stored.
pub(super) fn encode(record: &impl Serialize) -> Result<String> {
    serde_json::to_string(record).map_err(|e| Error::while_doing("encode a record", e))
}

/// The record stored in a row's first column.
pub(super) fn document<T: DeserializeOwned>(row: &Row<'_>) -> rusqlite::Result<T> {
    serde_json::from_str(row.get_ref(0)?.as_str()?)
        .map_err(|e| rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(e)))
}

/// The most rows that a statement gives.
pub(super) fn rows(most: usize) -> i64 {
    i64::try_from(most).unwrap_or(i64::MAX)
}

/// An instant as it is stored in a column.
pub(super) fn micros(time: Option<Timestamp>) -> Option<i64> {
    time.map(Timestamp::as_microsecond)
}

/// The instant in a column that holds microseconds since 1970.
pub(super) fn instant(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    let us = row.get(column)?;
    Timestamp::from_microsecond(us)
        .map_err(|e| rusqlite::Error::FromSqlConversionFailure(column, Type::Integer, Box::new(e)))
}

/// An error of the database itself.
pub(super) fn sql(error: rusqlite::Error) -> Error {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            Error::unavailable("another program holds the database").hint("try again")
        }
        Some(ErrorCode::DiskFull) => {
            Error::while_doing("use the database", error).hint("free some space on its disk")
        }
        _ => Error::while_doing("use the database", error),
    }
}
