use leoscope_core::model::JobEvent;
use serde_json::{Value, json};

use super::{Record, or_dash, text_or_dash, utc};

impl Record for JobEvent {
    const HEADER: &'static [&'static str] =
        &["time (UTC)", "node", "stage", "outcome", "reason", "message", "source"];

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn row(&self) -> Vec<String> {
        vec![
            utc(self.at),
            self.node.to_string(),
            self.stage.to_string(),
            self.outcome.to_string(),
            or_dash(self.reason.as_ref()),
            text_or_dash(&self.message),
            text_or_dash(&self.source),
        ]
    }

    fn json(&self) -> Value {
        let Self {
            id,
            job,
            run,
            node,
            owner,
            occurrence,
            stage,
            outcome,
            reason,
            message,
            source,
            at,
            received,
        } = self;
        json!({
            "id": id,
            "job": job,
            "run": run,
            "node": node,
            "owner": owner,
            "planned_start": occurrence,
            "stage": stage.name(),
            "outcome": outcome.name(),
            "reason": reason,
            "message": message,
            "source": source,
            "time": at,
            "received": received,
        })
    }
}
