//! Runs with what else there is to know of them.

use leoscope_core::model::{Fact, JobEvent, ResultsPlace, Run};
use serde_json::{Value, json};

use super::{Output, Record, grid, or_dash};

impl Output {
    /// A list of runs, with the links to their results where these are wanted.
    pub(crate) fn runs(&self, runs: &[Run], with_links: bool) {
        match self.format {
            _ if self.quiet || !with_links => self.list(runs),
            _ if self.is_for_programs() || !self.fields.is_empty() => {
                self.value(&runs.iter().map(|run| extended(run, true, None)).collect());
            }
            _ => {
                let header = [Run::HEADER, &["link"]].concat();
                let row = |run: &Run| [run.row(), vec![or_dash(link(run))]].concat();
                self.print(&grid(&header, runs.iter().map(row)));
            }
        }
    }

    /// One run with its steps, and how it ended.
    pub(crate) fn story(&self, run: &Run, events: &[JobEvent], with_links: bool) {
        match self.format {
            _ if self.quiet => self.list(std::slice::from_ref(run)),
            _ if self.is_for_programs() || !self.fields.is_empty() => {
                self.value(&Value::Array(vec![extended(run, with_links, Some(events))]));
            }
            _ => {
                self.runs(std::slice::from_ref(run), with_links);
                self.line("");
                for Fact { about, text } in run.account() {
                    self.line(format_args!("{:<10} {text}", format!("{about}:")));
                }
                if !events.is_empty() {
                    self.line("");
                    self.list(events);
                }
            }
        }
    }
}

/// A run in JSON, with its link and its events where they are wanted.
fn extended(run: &Run, with_link: bool, events: Option<&[JobEvent]>) -> Value {
    let mut json = run.json();
    if with_link {
        json["results_link"] = json!(link(run));
    }
    if let Some(events) = events {
        json["events"] = events.iter().map(JobEvent::json).collect();
    }
    json
}

/// The link to the results of a run.
fn link(run: &Run) -> Option<&str> {
    match ResultsPlace::of(run)? {
        ResultsPlace::Link { .. } => run.artifact.as_deref(),
        ResultsPlace::Orchestrator | ResultsPlace::Elsewhere(_) => None,
    }
}
