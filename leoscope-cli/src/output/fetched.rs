use std::path::PathBuf;

use indicatif::DecimalBytes;
use leoscope_core::Error;
use leoscope_core::fetch::{Decision, Outcome, Planned, State, Totals};
use leoscope_core::fetch::{Group, Missing, Summary};
use leoscope_core::ids::{JobId, RunId};
use serde_json::{Value, json};

use super::{Output, Record, or_dash};

/// How many runs are named of those of which the same is to be said.
const MOST_NAMED: usize = 10;

/// The results of a run: what became of them, or what would.
pub(crate) struct Fetched {
    run: RunId,
    job: JobId,
    path: PathBuf,
    state: Shown,
}

enum Shown {
    /// It would be fetched.
    Wanted { size: Option<u64>, kept: u64 },
    /// What became of it.
    Now(State),
}

impl From<Outcome> for Fetched {
    fn from(Outcome { run, job, path, state }: Outcome) -> Self {
        Self { run, job, path, state: Shown::Now(state) }
    }
}

impl From<Planned> for Fetched {
    fn from(Planned { run, path, decision }: Planned) -> Self {
        let state = match decision {
            Decision::Fetch { size, kept } => Shown::Wanted { size, kept },
            Decision::There => Shown::Now(State::There),
            Decision::Missing(missing) => Shown::Now(State::Missing(missing)),
        };
        Self { run: run.id, job: run.job, path, state }
    }
}

impl Fetched {
    /// Whether it is here, or could be.
    fn is_to_be_had(&self) -> bool {
        match self.state {
            Shown::Wanted { .. } | Shown::Now(State::Fetched { .. } | State::There) => true,
            Shown::Now(State::Missing(_) | State::Failed(_)) => false,
        }
    }
}

impl Record for Fetched {
    const HEADER: &'static [&'static str] = &["run", "job", "state", "size", "files", "path"];

    fn id(&self) -> String {
        self.run.to_string()
    }

    fn row(&self) -> Vec<String> {
        let Self { run, job, path, state } = self;
        let (state, size, files) = match state {
            Shown::Wanted { size, kept: 0 } => ("to fetch", *size, None),
            Shown::Wanted { size, kept: _ } => ("to go on with", *size, None),
            Shown::Now(State::Fetched { files, size, .. }) => ("fetched", Some(*size), Some(*files)),
            Shown::Now(State::There) => ("there already", None, None),
            Shown::Now(State::Missing(_)) => ("missing", None, None),
            Shown::Now(State::Failed(_)) => ("failed", None, None),
        };
        let size = or_dash(size.map(DecimalBytes));
        vec![
            run.to_string(),
            job.to_string(),
            state.to_owned(),
            size,
            or_dash(files),
            path.display().to_string(),
        ]
    }

    fn json(&self) -> Value {
        let Self { run, job, path, state } = self;
        let mut json = json!({
            "run": run, "job": job, "path": path, "state": null, "fetched": false, "files": null,
            "size": null, "kept": null, "unpacked": null, "verified": null, "reason": null, "message": null,
        });
        let mut set = |key: &str, value: Value| json[key] = value;
        match state {
            Shown::Wanted { size, kept } => {
                set("state", json!("to_fetch"));
                set("size", json!(size));
                set("kept", json!(kept));
            }
            Shown::Now(State::Fetched { files, size, unpacked, verified }) => {
                set("state", json!("fetched"));
                set("fetched", json!(true));
                set("files", json!(files));
                set("size", json!(size));
                set("unpacked", json!(unpacked));
                set("verified", json!(verified));
            }
            Shown::Now(State::There) => set("state", json!("there")),
            Shown::Now(State::Missing(missing)) => {
                set("state", json!("missing"));
                set("reason", json!(missing.name()));
                set("message", json!(missing.to_string()));
            }
            Shown::Now(State::Failed(error)) => {
                set("state", json!("failed"));
                set("reason", json!(error.kind().name()));
                set("message", json!(error.message()));
            }
        }
        json
    }
}

impl Output {
    /// What would be fetched, and what cannot be.
    pub(crate) fn planned(&self, totals: Totals, summary: &Summary, runs: Vec<Fetched>) {
        let Totals { fetch, bytes, unknown } = totals;
        self.results(runs);
        let unknown = match unknown {
            0 => String::new(),
            unknown => format!(" and {unknown} of unknown size"),
        };
        let Summary { there, missing, .. } = summary;
        self.note(format_args!(
            "{} to fetch ({}{unknown}), {there} there already, {} missing; nothing was fetched",
            count(fetch),
            DecimalBytes(bytes),
            sum(missing),
        ));
        self.missing(missing);
    }

    /// What was fetched, and what was not.
    pub(crate) fn fetched(&self, summary: &Summary, runs: Vec<Fetched>) {
        self.results(runs);
        let Summary { fetched, bytes, unverified, there, missing, failed } = summary;
        let failures = match sum(failed) {
            0 => String::new(),
            failures => format!(", {failures} failed"),
        };
        self.note(format_args!(
            "{} fetched ({}), {there} there already, {} missing{failures}",
            count(*fetched),
            DecimalBytes(*bytes),
            sum(missing),
        ));
        if !unverified.is_empty() {
            self.note(format_args!("without a manifest to compare the files with: {}", named(unverified)));
        }
        self.missing(missing);
        for Group { what, runs } in failed {
            self.failure(&Error::clone(what).context(run_or_runs(runs)));
        }
    }

    /// Those that are here, or could be; for programs all of them.
    fn results(&self, mut runs: Vec<Fetched>) {
        if !self.is_for_programs() {
            runs.retain(Fetched::is_to_be_had);
        }
        self.list(&runs);
    }

    fn missing(&self, groups: &[Group<Missing>]) {
        for Group { what, runs } in groups {
            self.note(format_args!("{} {what}: {}", runs.len(), named(runs)));
        }
    }
}

fn sum<T>(groups: &[Group<T>]) -> usize {
    groups.iter().map(|group| group.runs.len()).sum()
}

fn count(runs: usize) -> String {
    if runs == 1 { "1 run".to_owned() } else { format!("{runs} runs") }
}

fn run_or_runs(runs: &[RunId]) -> String {
    format!("{} {}", if runs.len() == 1 { "run" } else { "runs" }, named(runs))
}

/// The first few of `runs`.
fn named(runs: &[RunId]) -> String {
    let first: Vec<&str> = runs.iter().take(MOST_NAMED).map(RunId::as_str).collect();
    let first = first.join(", ");
    match runs.len().saturating_sub(MOST_NAMED) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}
