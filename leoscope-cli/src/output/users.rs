use leoscope_core::model::NewUser;
use serde_json::{Value, json};

use super::{Record, text_or_dash};

impl Record for NewUser {
    const HEADER: &'static [&'static str] = &["id", "name", "role", "team"];

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn row(&self) -> Vec<String> {
        let Self { id, name, role, team } = self;
        vec![id.to_string(), text_or_dash(name), role.to_string(), text_or_dash(team)]
    }

    fn json(&self) -> Value {
        let Self { id, name, role, team } = self;
        json!({ "id": id, "name": name, "role": role.name(), "team": team })
    }
}
