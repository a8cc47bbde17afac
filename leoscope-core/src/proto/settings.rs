//! The testbed-wide settings.

use super::{PLACEHOLDER, unary};
use crate::model::{BlobSettings, Secret, Settings};

impl From<Settings> for unary::Settings {
    fn from(settings: Settings) -> Self {
        let Settings { blob: BlobSettings { connection_string, container, artifact_path }, weather_api_key } =
            settings;
        let blob = unary::BlobSettings {
            connection_string: connection_string.expose().to_owned(),
            container,
            artifact_path,
        };
        Self {
            datastore: Some(unary::DatastoreSettings { blob: Some(blob) }),
            weather: Some(unary::WeatherSettings { apikey: weather_api_key.expose().to_owned() }),
            placeholders: Vec::new(),
        }
    }
}

impl From<unary::Settings> for Settings {
    fn from(settings: unary::Settings) -> Self {
        let unary::Settings { datastore, weather, placeholders } = settings;
        let unary::DatastoreSettings { blob } = datastore.unwrap_or_default();
        let unary::BlobSettings { connection_string, container, artifact_path } = blob.unwrap_or_default();
        let unary::WeatherSettings { apikey } = weather.unwrap_or_default();
        let own = |name: &str, text: String| {
            if placeholders.iter().any(|other| other == name) { String::new() } else { text }
        };
        Self {
            blob: BlobSettings {
                connection_string: Secret::new(own("connectionString", connection_string)),
                container: own("container", container),
                artifact_path: own("artifactPath", artifact_path),
            },
            weather_api_key: Secret::new(own("apikey", apikey)),
        }
    }
}

/// The settings for a node: existing nodes need a text in every field.
pub fn for_node(settings: Settings) -> unary::Settings {
    let mut wire = unary::Settings::from(settings);
    let blob = wire.datastore.get_or_insert_default().blob.get_or_insert_default();
    let weather = wire.weather.get_or_insert_default();
    let fields = [
        ("connectionString", &mut blob.connection_string),
        ("container", &mut blob.container),
        ("artifactPath", &mut blob.artifact_path),
        ("apikey", &mut weather.apikey),
    ];
    for (name, text) in fields.into_iter().filter(|(_, text)| text.is_empty()) {
        text.push_str(PLACEHOLDER);
        wire.placeholders.push(name.to_owned());
    }
    wire
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_come_back_as_they_went_also_through_a_nodes_placeholders() {
        let full = Settings {
            blob: BlobSettings {
                connection_string: Secret::new("AccountKey=x"),
                container: "results".into(),
                artifact_path: "runs".into(),
            },
            weather_api_key: Secret::new("key"),
        };
        for settings in [full, Settings::default()] {
            assert_eq!(Settings::from(unary::Settings::from(settings.clone())), settings);
            let wire = for_node(settings.clone());
            assert!(wire.weather.as_ref().is_some_and(|weather| !weather.apikey.is_empty()));
            assert_eq!(Settings::from(wire), settings);
        }
    }
}
