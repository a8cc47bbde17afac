//! An experiment for the nodes of the testbed.

use std::path::Path;

use leoscope_core::{Error, Result};
use serde_json::json;

use super::{Testbed, image};

/// The image the latency experiment runs in when there is a container engine.
const IMAGE: &str = "leoscope-latency:local";

impl Testbed {
    /// The config of an experiment that measures latency to the orchestrator for `secs` seconds,
    /// made so that this testbed's nodes can run it: as a container from an image made here of
    /// `program`, or as a process. The program is `leoscope`, or another that has its command `probe`.
    ///
    /// # Errors
    /// A program that is not there, or whose path is not Unicode; those of the container engine.
    pub async fn latency_experiment(&self, secs: u32, program: &Path) -> Result<String> {
        let shown = program.display();
        // A process has a directory of its own.
        let program = std::path::absolute(program)
            .map_err(|e| Error::while_doing(format!("find where {shown} lies"), e))?;
        let path = program.to_str().ok_or_else(|| {
            Error::invalid(format!("path {shown} cannot be written down"))
                .hint("use a path of Unicode characters")
        })?;
        let node = self.nodes.first().filter(|_| self.runtime.name == "docker");
        if let Some(node) = node {
            image::make(IMAGE, &program, &node.id).await?;
        }
        let target = format!("127.0.0.1:{}", self.port);
        let secs = secs.to_string();
        let words = |dir| ["probe", "--target", &target, "--duration", &secs, "--output-dir", dir];
        let command: Vec<&str> = [path].into_iter().chain(words(".")).collect();
        // JSON is YAML, and quotes every path as it must be.
        let config = json!({
            "experiment": {
                "docker": { "image": IMAGE, "command": words("/artifacts") },
                "process": { "command": command },
            }
        });
        Ok(format!("{config:#}\n"))
    }
}
