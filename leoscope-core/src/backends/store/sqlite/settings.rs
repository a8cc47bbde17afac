//! The testbed-wide settings: at most one row.

use async_trait::async_trait;
use rusqlite::Transaction;

use super::SqliteStore;
use crate::backends::rows::{document, encode, execute, one};
use crate::error::Result;
use crate::model::Settings;
use crate::ports::SettingsStore;

pub(super) fn replace(tx: &Transaction<'_>, settings: &Settings) -> Result<()> {
    let replace = "INSERT OR REPLACE INTO settings (id, doc) VALUES (1, ?1)";
    execute(tx, replace, [encode(settings)?]).map(drop)
}

#[async_trait]
impl SettingsStore for SqliteStore {
    async fn settings(&self) -> Result<Settings> {
        let settings = self.database.read(|tx| one(tx, "SELECT doc FROM settings", [], document)).await?;
        Ok(settings.unwrap_or_default())
    }

    async fn put_settings(&self, settings: &Settings) -> Result<()> {
        let settings = settings.clone();
        self.database.write(move |tx| replace(tx, &settings)).await
    }
}
