//! `leoscope demo`: a whole testbed runs an experiment and hands back the results.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use leoscope_core::ids::{JobId, NodeId, RunId};
use leoscope_core::model::{JobParams, JobSpec, Run, RunFilter, RunLength, RunStatus};
use leoscope_core::ports::ControlPlane;
use leoscope_core::schedule::{CronExpr, Policies, Schedule};
use leoscope_core::time::{SignedDuration, Timestamp, Window, to_micros, wire_time};
use leoscope_core::{Error, Result};
use leoscope_node::RuntimeChoice;

use super::run::fetch_all;
use crate::latency;
use crate::output::Output;
use crate::testbed::{NODE, RESEARCHER, Testbed};

/// Run a whole testbed on this machine, once, from experiment to results.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Where to keep its files; a new temporary directory when left out.
    #[arg(long)]
    state_dir: Option<PathBuf>,
    /// What runs the experiments.
    #[arg(long, value_enum, default_value = "auto")]
    runtime: RuntimeChoice,
}

const ONCE: &str = "latency-once";
const EVERY_MINUTE: &str = "latency-every-minute";
/// How long one run of the demo may take, and how long the experiment in it measures.
const LENGTH_SECS: i64 = 6;
const MEASURE_SECS: u32 = 4;
/// When the demo gives up; its longest way is two minutes' boundaries and a run.
const PATIENCE: Duration = Duration::from_secs(150);

impl Demo {
    pub(crate) async fn run(&self, output: &Output) -> Result<()> {
        let dir = match &self.state_dir {
            Some(dir) => dir.clone(),
            None => tempfile::Builder::new()
                .prefix("leoscope-demo-")
                .tempdir()
                .map_err(|e| Error::while_doing("make a temporary directory", e))?
                .keep(),
        };
        output.note(format_args!("starting an orchestrator and node {NODE} in {}", dir.display()));
        let mut testbed = Testbed::start(&dir, 0, self.runtime).await?;
        let researcher = testbed.researcher.clone();
        let config = testbed.latency_experiment(MEASURE_SECS).await?;
        let how = match testbed.runtime.name.as_str() {
            "docker" => format!("in containers (Docker engine {})", testbed.runtime.version),
            name => format!("as plain processes (no container engine answers; runtime '{name}')"),
        };
        output.note(format_args!("experiments run {how}"));
        let results = dir.join("results");
        let work = follow(&researcher, &config, &results, output);
        let runs = testbed
            .run_while(async {
                tokio::time::timeout(PATIENCE, work).await.map_err(|_| {
                    Error::internal(format!("the runs did not end within {} s", PATIENCE.as_secs()))
                        .hint(format!("look into {}", dir.display()))
                })?
            })
            .await?;
        testbed.stop().await?;
        show(&runs, &results, output);
        output.note(format_args!("results: {}", results.display()));
        let failed = runs.iter().filter(|run| run.status != RunStatus::Completed).count();
        if failed > 0 {
            return Err(Error::internal(format!("{failed} of {} runs were not completed", runs.len())));
        }
        Ok(())
    }
}

/// Books the two jobs, follows their runs, and fetches what they left.
async fn follow(
    control: &dyn ControlPlane,
    config: &str,
    results: &Path,
    output: &Output,
) -> Result<Vec<Run>> {
    let now = to_micros(Timestamp::now());
    let start = later(now, 4)?;
    let once = Window::new(start, later(start, LENGTH_SECS)?)?;
    // The cron job's range opens when the one-time run is over and closes after one full minute
    // and a run, so it holds one start, or two at most.
    let minutes = Window::new(once.end(), later(once.end(), 60 + LENGTH_SECS)?)?;
    let cron = Schedule::Cron(CronExpr::parse("* * * * *")?);
    for (name, schedule, window) in [(ONCE, Schedule::Once, once), (EVERY_MINUTE, cron, minutes)] {
        let job = control.schedule_job(spec(name, schedule, window, config)?).await?;
        output.note(format_args!("{RESEARCHER} booked {} in {window}", job.id));
    }
    let mut seen = BTreeMap::new();
    loop {
        let runs = control.runs(&RunFilter::default()).await?;
        for run in runs.iter().rev() {
            let state = (run.status, run.phase, run.artifact.is_some());
            if seen.insert(run.id.clone(), state) != Some(state) {
                output.note(describe(run));
            }
        }
        let over = |name: &str| {
            let mut of_job = runs.iter().filter(|run| run.job.as_str() == name).peekable();
            of_job.peek().is_some() && of_job.all(|run| run.status.is_terminal() && run.artifact.is_some())
        };
        let closed = Timestamp::now() >= minutes.end() || runs.len() > 1;
        if closed && over(ONCE) && over(EVERY_MINUTE) {
            fetch_all(control, &runs, results).await?;
            return Ok(runs);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn later(from: Timestamp, secs: i64) -> Result<Timestamp> {
    from.checked_add(SignedDuration::from_secs(secs)).map_err(|e| Error::while_doing("plan the demo", e))
}

fn spec(name: &str, schedule: Schedule, window: Window, config: &str) -> Result<JobSpec> {
    Ok(JobSpec {
        id: Some(JobId::parse(name)?),
        node: NodeId::parse(NODE)?,
        server: None,
        schedule,
        window,
        length: RunLength::from_secs(LENGTH_SECS)?,
        overhead: true,
        trigger: None,
        config: config.to_owned(),
        params: JobParams::default(),
        policies: Policies::default(),
    })
}

fn describe(run: &Run) -> String {
    let what = match (run.phase, run.artifact.is_some()) {
        (Some(phase), _) => phase.to_string(),
        (None, true) => "results handed over".into(),
        (None, false) => run.message.clone(),
    };
    format!("{} {} {} {what}", wire_time(to_micros(Timestamp::now())), run.job, run.status)
}

fn run_dir(results: &Path, job: &JobId, run: &RunId) -> PathBuf {
    results.join(job.as_str()).join(run.as_str())
}

fn show(runs: &[Run], results: &Path, output: &Output) {
    let header = [
        "job",
        "planned start (UTC)",
        "actual start (UTC)",
        "late (ms)",
        "status",
        "samples",
        "min (ms)",
        "median (ms)",
        "max (ms)",
    ];
    let rows = runs.iter().rev().map(|run| {
        let time = |at: Option<Timestamp>| at.map(wire_time).unwrap_or_default();
        let summary = latency::read(&run_dir(results, &run.job, &run.id));
        let figure = |value: fn(&latency::Summary) -> f64| {
            summary.as_ref().map(|s| format!("{:.3}", value(s))).unwrap_or_default()
        };
        vec![
            run.job.to_string(),
            time(run.planned.map(|window| window.start())),
            time(run.started),
            run.lateness().map(|late| format!("{:.1}", late.as_secs_f64() * 1e3)).unwrap_or_default(),
            run.status.to_string(),
            summary.map(|s| s.samples.to_string()).unwrap_or_default(),
            figure(|s| s.min),
            figure(|s| s.median),
            figure(|s| s.max),
        ]
    });
    output.table(&header, rows.collect());
}
