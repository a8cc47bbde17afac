use std::path::PathBuf;

use leoscope_core::ids::{JobId, RunId};
use serde_json::{Value, json};

use super::Record;

/// The results of a run, on this machine.
pub(crate) struct Fetched {
    /// The run.
    pub(crate) run: RunId,
    /// Its job.
    pub(crate) job: JobId,
    /// The directory of its files.
    pub(crate) path: PathBuf,
    /// How many files were unpacked; `None` when they were there already.
    pub(crate) files: Option<usize>,
}

impl Record for Fetched {
    const HEADER: &'static [&'static str] = &["run", "job", "files", "path"];

    fn id(&self) -> String {
        self.run.to_string()
    }

    fn row(&self) -> Vec<String> {
        let Self { run, job, path, files } = self;
        let files = files.map_or_else(|| "there already".to_owned(), |count| count.to_string());
        vec![run.to_string(), job.to_string(), files, path.display().to_string()]
    }

    fn json(&self) -> Value {
        let Self { run, job, path, files } = self;
        json!({ "run": run, "job": job, "path": path, "fetched": files.is_some(), "files": files })
    }
}
