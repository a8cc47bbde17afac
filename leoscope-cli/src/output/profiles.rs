//! Profiles, without their tokens.

use leoscope_settings::Profile;
use serde_json::{Map, Value, json};

use super::{Record, or_dash};

impl Record for Profile {
    const HEADER: &'static [&'static str] = &["name", "current", "user", "host", "port", "token"];

    fn id(&self) -> String {
        self.name.clone()
    }

    fn row(&self) -> Vec<String> {
        let yes_or_no = |is: bool| if is { "yes" } else { "no" }.to_owned();
        vec![
            self.name.clone(),
            yes_or_no(self.is_current),
            or_dash(self.get("userid")),
            or_dash(self.get("grpc-host")),
            or_dash(self.get("grpc-port")),
            yes_or_no(self.has_token()),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "current": self.is_current,
            "userid": self.get("userid"),
            "grpc_host": self.get("grpc-host"),
            "grpc_port": self.get("grpc-port").and_then(|port| port.parse::<u16>().ok()),
            "has_token": self.has_token(),
        })
    }
}

/// All that stands in `profile`, for programs.
pub(crate) fn whole_profile(profile: &Profile) -> Value {
    let settings: Map<String, Value> =
        profile.shown().map(|(option, value)| (option.replace('-', "_"), value.into())).collect();
    let mut whole = profile.json();
    whole["settings"] = Value::Object(settings);
    whole
}

/// A value of a profile as it is shown.
pub(crate) struct Setting {
    option: String,
    value: String,
}

impl Setting {
    /// Those of `profile`.
    pub(crate) fn list(profile: &Profile) -> Vec<Self> {
        let setting = |(option, value): (&str, &str)| Self { option: option.into(), value: value.into() };
        profile.shown().map(setting).collect()
    }
}

impl Record for Setting {
    const HEADER: &'static [&'static str] = &["option", "value"];

    fn id(&self) -> String {
        self.option.clone()
    }

    fn row(&self) -> Vec<String> {
        vec![self.option.clone(), self.value.clone()]
    }

    fn json(&self) -> Value {
        let Self { option, value } = self;
        json!({ "option": option, "value": value })
    }
}
