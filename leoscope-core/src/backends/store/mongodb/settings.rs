//! The testbed-wide settings: one document, as the public LEOScope testbed writes it.

use ::mongodb::bson::{Document, doc};
use async_trait::async_trait;

use super::schema::FORMAT;
use super::{Access, MongoStore, fault, within};
use crate::error::Result;
use crate::model::{BlobSettings, Secret, Settings};
use crate::ports::SettingsStore;

const ID: &str = "settings";

fn document(settings: &Settings) -> Document {
    let Settings { blob: BlobSettings { connection_string, container, artifact_path }, weather_api_key } =
        settings;
    doc! {
        "_id": ID,
        "format": FORMAT,
        "datastore": { "blob": {
            "connectionString": connection_string.expose(),
            "container": container,
            "artifactPath": artifact_path,
        } },
        "weather": { "apikey": weather_api_key.expose() },
    }
}

/// The settings in a document; what is not there is empty.
pub(super) fn settings(document: &Document) -> Settings {
    let group = |parent: &Document, name: &str| parent.get_document(name).cloned().unwrap_or_default();
    let text = |parent: &Document, name: &str| parent.get_str(name).unwrap_or_default().to_owned();
    let blob = group(&group(document, "datastore"), "blob");
    Settings {
        blob: BlobSettings {
            connection_string: Secret::new(text(&blob, "connectionString")),
            container: text(&blob, "container"),
            artifact_path: text(&blob, "artifactPath"),
        },
        weather_api_key: Secret::new(text(&group(document, "weather"), "apikey")),
    }
}

impl MongoStore {
    /// The settings, if any have been stored.
    pub(super) async fn stored_settings(&self) -> Result<Option<Settings>> {
        let found = self.config().find_one(doc! { "_id": ID }).await.map_err(|e| fault::read(&e))?;
        Ok(found.as_ref().map(settings))
    }
}

#[async_trait]
impl SettingsStore for MongoStore {
    async fn settings(&self) -> Result<Settings> {
        within(Access::Read, async { Ok(self.stored_settings().await?.unwrap_or_default()) }).await
    }

    async fn put_settings(&self, settings: &Settings) -> Result<()> {
        within(Access::Write, async {
            let config = self.config();
            let replaced = config.replace_one(doc! { "_id": ID }, document(settings)).upsert(true);
            replaced.await.map(drop).map_err(|e| fault::write(&e))
        })
        .await
    }
}
