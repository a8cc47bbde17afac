use leoscope_core::ids::{JobId, NodeId};
use serde_json::{Value, json};

use super::Record;

/// One of several jobs that were booked together.
pub(crate) struct Booked {
    pub(crate) job: JobId,
    pub(crate) node: NodeId,
    pub(crate) warnings: Vec<String>,
}

impl Record for Booked {
    const HEADER: &'static [&'static str] = &["job", "node"];

    fn id(&self) -> String {
        self.job.to_string()
    }

    fn row(&self) -> Vec<String> {
        vec![self.job.to_string(), self.node.to_string()]
    }

    fn json(&self) -> Value {
        let Self { job, node, warnings } = self;
        json!({ "id": job, "node": node, "warnings": warnings })
    }
}
