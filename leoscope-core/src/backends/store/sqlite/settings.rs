//! The testbed-wide settings: at most one row.

use async_trait::async_trait;

use super::SqliteStore;
use crate::backends::rows::{document, encode, execute, one};
use crate::error::Result;
use crate::model::Settings;
use crate::ports::SettingsStore;

#[async_trait]
impl SettingsStore for SqliteStore {
    async fn settings(&self) -> Result<Settings> {
        let settings = self.database.read(|tx| one(tx, "SELECT doc FROM settings", [], document)).await?;
        Ok(settings.unwrap_or_default())
    }

    async fn put_settings(&self, settings: &Settings) -> Result<()> {
        let doc = encode(settings)?;
        let replace = "INSERT OR REPLACE INTO settings (id, doc) VALUES (1, ?1)";
        self.database.write(move |tx| execute(tx, replace, [doc]).map(drop)).await
    }
}
