//! The testbed-wide configuration (`global_config.json` of existing deployments).

use serde::{Deserialize, Serialize};

use super::{BlobFolder, ConnectionString, Secret};
use crate::error::Error;

/// Testbed-wide settings that nodes need.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Where existing nodes put their results.
    pub blob: BlobSettings,
    /// The key of the weather service.
    pub weather_api_key: Secret,
}

/// An Azure Blob container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BlobSettings {
    /// The account's connection string.
    pub connection_string: Secret,
    /// The container's name.
    pub container: String,
    /// The folder inside the container.
    pub artifact_path: String,
}

impl BlobSettings {
    /// Refuses what can be the account and the folder of no blob storage.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) naming the part, never a key.
    pub fn check(&self) -> Result<(), Error> {
        ConnectionString::parse(&self.connection_string)?;
        BlobFolder::parse(&self.container, &self.artifact_path).map(drop)
    }

    /// Whether they name an account and a container in it. What they leave out may be given later.
    pub fn is_complete(&self) -> bool {
        !self.connection_string.is_empty() && !self.container.is_empty()
    }
}

impl Settings {
    /// The same settings without any secret, for callers who must not see them.
    #[must_use]
    pub fn blanked(self) -> Self {
        let Self {
            blob: BlobSettings { connection_string: _, container, artifact_path },
            weather_api_key: _,
        } = self;
        Self {
            blob: BlobSettings { connection_string: Secret::default(), container, artifact_path },
            weather_api_key: Secret::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_no_blob_storage_is_refused_without_showing_a_key() {
        let settings = |connection: &str, container: &str| BlobSettings {
            connection_string: Secret::new(connection),
            container: container.to_owned(),
            artifact_path: String::new(),
        };
        let good = "AccountName=lab;AccountKey=cGxhbnRlZA==";
        settings(good, "results").check().expect("an account and a container");
        for (connection, container) in [
            ("AccountName=lab;AccountKey=planted!", "results"),
            ("planted", "results"),
            (good, "No"),
            (good, ""),
        ] {
            let error = settings(connection, container).check().expect_err(connection);
            assert!(!format!("{error:?}").contains("planted"), "{error:?}");
        }
    }
}
