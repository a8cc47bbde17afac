//! The documented form of the testbed-wide configuration, `global_config.json`.

use leoscope_core::model::{BlobSettings, Secret, Settings};
use leoscope_core::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::to_json;

/// `{"datastore": {"blob": {"connectionString", "container", "artifactPath"}}, "weather": {"apikey"}}`
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GlobalConfig {
    datastore: Datastore,
    weather: Weather,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Datastore {
    blob: Blob,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Blob {
    connection_string: Secret,
    container: String,
    artifact_path: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Weather {
    apikey: Secret,
}

/// Reads the text of a `global_config.json`. Every key must be there and no other: the whole
/// configuration is replaced by it.
///
/// # Errors
/// [`InvalidArgument`](leoscope_core::ErrorKind::InvalidArgument) with the line, without its content.
pub(crate) fn read_config(text: &str) -> Result<Settings> {
    serde_json::from_str(text).map(GlobalConfig::into_settings).map_err(|e| {
        let (line, column) = (e.line(), e.column());
        // The parser's message may quote a value, which may be a key; only its names are safe.
        let what = match e.to_string() {
            text if text.starts_with("missing field") || text.starts_with("unknown field") => {
                text.split(" at line").next().unwrap_or_default().to_owned()
            }
            _ if e.is_data() => "a value is of the wrong type".to_owned(),
            _ => "not valid JSON".to_owned(),
        };
        Error::invalid(format!("configuration line {line} column {column}: {what}")).hint(
            "write {\"datastore\": {\"blob\": {\"connectionString\": …, \"container\": …, \"artifactPath\": …}}, \
             \"weather\": {\"apikey\": …}}",
        )
    })
}

impl GlobalConfig {
    /// The document, with its secrets.
    pub(crate) fn into_json(self) -> Value {
        to_json(self)
    }

    fn into_settings(self) -> Settings {
        let Self {
            datastore: Datastore { blob: Blob { connection_string, container, artifact_path } },
            weather: Weather { apikey },
        } = self;
        Settings {
            blob: BlobSettings { connection_string, container, artifact_path },
            weather_api_key: apikey,
        }
    }
}

impl From<Settings> for GlobalConfig {
    fn from(settings: Settings) -> Self {
        let Settings { blob: BlobSettings { connection_string, container, artifact_path }, weather_api_key } =
            settings;
        Self {
            datastore: Datastore { blob: Blob { connection_string, container, artifact_path } },
            weather: Weather { apikey: weather_api_key },
        }
    }
}
