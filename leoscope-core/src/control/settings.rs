use super::Session;
use super::text::check_text;
use crate::error::Result;
use crate::model::Settings;
use crate::policy::{self, Action};

impl Session {
    pub(super) async fn do_settings(&self) -> Result<Settings> {
        let settings = self.service.store.settings().await?;
        let whole = policy::may(&self.caller, &Action::ReadSecretSettings);
        Ok(if whole { settings } else { settings.blanked() })
    }

    pub(super) async fn do_update_settings(&self, settings: Settings) -> Result<()> {
        self.require(&Action::UpdateSettings)?;
        check_text("datastore.blob.container", &settings.blob.container)?;
        check_text("datastore.blob.artifactPath", &settings.blob.artifact_path)?;
        if settings.blob.is_complete() {
            settings.blob.check().map_err(|error| error.context("datastore.blob"))?;
        }
        self.service.store.put_settings(&settings).await
    }
}
