//! Values of options in a TOML file.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use leoscope_core::{Error, Result};

/// The values of options that one table of a file gives; empty where there is no file.
#[derive(Default)]
pub struct File {
    origin: String,
    values: BTreeMap<String, String>,
}

impl fmt::Debug for File {
    // Some of the values are secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File").field("origin", &self.origin).finish_non_exhaustive()
    }
}

/// What becomes of keys that are the name of no option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strangers {
    /// They are mistakes: whoever reads the file knows all options that can stand in it.
    Refused,
    /// They are left alone: they may be meant for another reader.
    Ignored,
}

impl File {
    /// The values in `table`, which stands at `origin`. A key is the name of one of `options`, with
    /// `-` or `_` between its words, or one of the `strangers`.
    ///
    /// # Errors
    /// [`InvalidArgument`](leoscope_core::ErrorKind::InvalidArgument) for a key that is none, where such are
    /// refused, and for a value that is neither text, number, true nor false, nor a list of them.
    pub fn from_table(
        origin: String,
        table: toml::Table,
        options: &BTreeSet<String>,
        strangers: Strangers,
    ) -> Result<Self> {
        let mut values = BTreeMap::new();
        for (key, value) in table {
            let option = key.replace('_', "-");
            let known = [&key, &option].into_iter().find(|spelling| options.contains(*spelling));
            let Some(known) = known else {
                if strangers == Strangers::Ignored {
                    continue;
                }
                return Err(Error::invalid(format!("{origin}: {key:?} is not an option"))
                    .hint("use the names of options as --help shows them, without the dashes in front"));
            };
            values.insert(
                known.clone(),
                plain(value).ok_or_else(|| {
                    Error::invalid(format!("{origin}: {key} is neither text, number, true nor false"))
                })?,
            );
        }
        Ok(Self { origin, values })
    }

    /// The value of an option and where it stands.
    pub(super) fn get(&self, option: &str) -> Option<(String, String)> {
        let value = self.values.get(option).filter(|value| !value.is_empty())?;
        Some((value.clone(), format!("{} {option}", self.origin)))
    }
}

/// Reads the tables of a file at `origin`.
///
/// # Errors
/// [`InvalidArgument`](leoscope_core::ErrorKind::InvalidArgument) that names the line, without the
/// text of it, which may be that of a token.
pub fn parse(origin: &str, text: &str) -> Result<toml::Table> {
    toml::from_str(text).map_err(|error: toml::de::Error| {
        let at = error.span().and_then(|span| text.get(..span.start));
        let line =
            at.map_or_else(String::new, |before| format!(" line {}", before.matches('\n').count() + 1));
        // Only the first line, for the same reason: what follows may quote values.
        let message = error.message().lines().next().unwrap_or_default();
        Error::invalid(format!("{origin}{line}: {message}"))
    })
}

/// Reads the text of `file`, which `option` has named.
///
/// # Errors
/// [`InvalidArgument`](leoscope_core::ErrorKind::InvalidArgument) for one that cannot be read.
pub fn read(file: &Path, option: &str) -> Result<String> {
    std::fs::read_to_string(file).map_err(|e| {
        Error::invalid(format!("cannot read {}: {e}", file.display())).hint(format!("check {option}"))
    })
}

fn plain(value: toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Float(number) => Some(number.to_string()),
        toml::Value::Boolean(flag) => Some(flag.to_string()),
        toml::Value::Datetime(time) => Some(time.to_string()),
        toml::Value::Array(values) => {
            let values: Option<Vec<_>> = values.into_iter().map(plain).collect();
            Some(values?.join(","))
        }
        toml::Value::Table(_) => None,
    }
}
