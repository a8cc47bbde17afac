//! The contract with the experiment: its environment, labels and input files.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::Inner;
use super::results::run_dir;
use crate::error::{Error, Result};
use crate::model::{ExperimentConfig, ExperimentFile, JournalEntry, Part, redacted};
use crate::ports::RunSpec;
use crate::schedule::Schedule;
use crate::time::wire_time;

/// Everything the runtime needs to know of a run.
///
/// `server` is the address of the server that a client measures against.
pub(super) fn spec(node: &Inner, entry: &JournalEntry, server: Option<String>) -> Result<RunSpec> {
    let experiment = ExperimentConfig::parse(entry.config())?;
    let config = &node.config.executor;
    let limits = config.limits_for(experiment.limits)?;
    let mut environment = experiment.environment.clone();
    let address = match entry.part() {
        Part::Alone | Part::Client => server,
        Part::Server => node.config.address.map(|address| address.to_string()),
    };
    environment.extend(environment_of(entry, address));
    Ok(RunSpec {
        run: entry.run.id.clone(),
        experiment,
        environment,
        labels: labels_of(entry),
        results: results_dir(node, entry),
        results_dest: config.results_dest.clone(),
        network: config.network.clone(),
        limits,
        until: entry.run.planned.map(|window| window.end()),
    })
}

/// How many bytes the results and the output of a run may have.
pub(super) fn disk_limit(node: &Inner, entry: &JournalEntry) -> u64 {
    let config = &node.config.executor;
    let asked = ExperimentConfig::parse(entry.config()).map(|experiment| experiment.limits);
    // The operator may have changed the ceiling since the run was prepared.
    asked.and_then(|asked| config.limits_for(asked)).unwrap_or(config.limits).disk
}

/// The results directory of a run on this host.
pub(super) fn results_dir(node: &Inner, entry: &JournalEntry) -> PathBuf {
    let run = &entry.run.id;
    match &node.config.executor.results_source {
        Some(source) => Path::new(source).join(run.as_str()),
        None => run_dir(node, run).join("results"),
    }
}

/// The variables existing experiments read.
fn environment_of(entry: &JournalEntry, address: Option<String>) -> BTreeMap<String, String> {
    let JournalEntry { run, job, .. } = entry;
    let start = run.planned.map(|window| wire_time(window.start())).unwrap_or_default();
    let server = job.server.as_ref().map(ToString::to_string).unwrap_or_default();
    let values = [
        ("LEOTEST_SERVER", if entry.part() == Part::Server { "1" } else { "0" }.to_owned()),
        ("LEOTEST_START_TIME", start),
        ("LEOTEST_LENGTH", job.length.secs().to_string()),
        ("LEOTEST_RUNID", run.id.to_string()),
        ("LEOTEST_JOBID", job.id.to_string()),
        ("LEOTEST_NODEID", run.node.to_string()),
        ("LEOTEST_SERVERIP", address.unwrap_or_default()),
        ("LEOTEST_SERVER_NODEID", server),
    ];
    values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn labels_of(entry: &JournalEntry) -> BTreeMap<String, String> {
    let JournalEntry { run, job, .. } = entry;
    let values = [
        ("leotest", "true".to_owned()),
        ("jobid", job.id.to_string()),
        ("runid", run.id.to_string()),
        ("nodeid", run.node.to_string()),
        ("userid", job.owner.to_string()),
        ("overhead", job.overhead.to_string()),
        ("type", type_name(&job.schedule).to_owned()),
        ("server", job.server.as_ref().map(ToString::to_string).unwrap_or_default()),
        ("start_date", wire_time(job.window.start())),
        ("end_date", wire_time(job.window.end())),
    ];
    values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The job type as existing experiments write it.
fn type_name(schedule: &Schedule) -> &'static str {
    match schedule {
        Schedule::Cron(_) => "CRON",
        Schedule::Once => "ATQ",
    }
}

/// Writes `experiment-config.yaml` and `experiment-args.json` into the results directory.
pub(super) fn write_inputs(entry: &JournalEntry, results: &Path) -> Result<()> {
    let job = &entry.job;
    let schedule = match &job.schedule {
        Schedule::Cron(cron) => cron.to_string(),
        Schedule::Once => wire_time(job.window.start()),
    };
    let arguments = json!({
        "id": job.id,
        "runid": entry.run.id,
        "nodeid": job.node,
        "userid": job.owner,
        "type": type_name(&job.schedule),
        "schedule": schedule,
        "startDate": wire_time(job.window.start()),
        "endDate": wire_time(job.window.end()),
        "lengthSecs": job.length.secs(),
        "overhead": job.overhead,
        "server": job.server,
        "trigger": job.trigger,
    });
    let write = |name: &str, text: &str| {
        let path = results.join(name);
        fs::write(&path, text).map_err(|e| Error::while_doing(format!("write {}", path.display()), e))
    };
    fs::create_dir_all(results)
        .map_err(|e| Error::while_doing(format!("make results directory {}", results.display()), e))?;
    // The store is the node's affair; what is written here ends up in the bundle.
    write(ExperimentFile::Config.name(), &redacted(entry.config()))?;
    let arguments = || format!("{arguments:#}\n");
    let arguments = entry.inputs.arguments.clone().unwrap_or_else(arguments);
    write(ExperimentFile::Arguments.name(), &arguments)
}
