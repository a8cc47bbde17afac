use leoscope_core::model::{AuditEntry, AuditOutcome};
use serde_json::{Value, json};

use super::{Record, or_dash, text_or_dash, utc};

fn message(outcome: &AuditOutcome) -> &str {
    match outcome {
        AuditOutcome::Done => "",
        AuditOutcome::Refused { kind: _, message } => message,
    }
}

impl Record for AuditEntry {
    const HEADER: &'static [&'static str] =
        &["time (UTC)", "user", "role", "address", "action", "object", "outcome", "message"];

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn row(&self) -> Vec<String> {
        let Self { id: _, at, caller, role, address, action, object, outcome } = self;
        vec![
            utc(*at),
            caller.to_string(),
            role.to_string(),
            or_dash(*address),
            action.to_string(),
            or_dash(object.as_ref()),
            outcome.name().to_owned(),
            text_or_dash(message(outcome)),
        ]
    }

    fn json(&self) -> Value {
        let Self { id, at, caller, role, address, action, object, outcome } = self;
        json!({
            "id": id,
            "time": at,
            "user": caller,
            "role": role.name(),
            "address": address,
            "action": action.name(),
            "object": object,
            "outcome": outcome.name(),
            "message": message(outcome),
        })
    }
}
