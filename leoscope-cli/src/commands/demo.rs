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
use leoscope_testbed::{
    RESEARCHER, RuntimeChoice, SEATTLE, Testbed, TestbedConfig, TestbedNode, constellation, latency,
};

use super::probe::this_program;
use super::run::fetch_all;
use crate::output::Output;

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
/// What the cron job waits for, and for how long before and after a satellite was right overhead it holds in
/// the constellation of the demo, in seconds.
const TRIGGER: &str = "satellite_elevation > 30";
const HOLDS_SECS: i64 = 110;
/// How long one run of the demo may take, and how long the experiment in it measures.
const LENGTH_SECS: i64 = 6;
const MEASURE_SECS: u32 = 4;
/// When the demo gives up; its longest way is three minutes' boundaries and a run.
const PATIENCE: Duration = Duration::from_secs(240);
/// How long it takes at most until jobs can be booked.
const READY_SECS: i64 = 12;

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
        output.note(format_args!("starting an orchestrator and node {SEATTLE} in {}", dir.display()));
        // The first full minute that the cron job can have; half a minute later the satellite is too low.
        let first = next_minute(later(to_micros(Timestamp::now()), READY_SECS + LENGTH_SECS)?)?;
        let overhead = later(first, 30 - HOLDS_SECS)?;
        constellation::over(&dir, TestbedNode::seattle().coords, overhead)?;
        let setup = TestbedConfig { runtime: self.runtime, ..TestbedConfig::new(&dir) };
        let mut testbed = Testbed::start(setup).await?;
        let researcher = testbed.researcher.clone();
        let config = testbed.latency_experiment(MEASURE_SECS, &this_program()?).await?;
        let how = match testbed.runtime.name.as_str() {
            "docker" => format!("in containers (Docker engine {})", testbed.runtime.version),
            name => format!("as plain processes (no container engine answers; runtime '{name}')"),
        };
        output.note(format_args!("experiments run {how}"));
        let results = dir.join("results");
        let work = follow(&researcher, &config, first, &results, output);
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
        let count = |status: RunStatus| runs.iter().filter(|run| run.status == status).count();
        match (count(RunStatus::Completed), count(RunStatus::Skipped), runs.len()) {
            (2, 1, 3) => Ok(()),
            (completed, skipped, all) => Err(Error::internal(format!(
                "of {all} runs {completed} were completed and {skipped} skipped, instead of 2 and 1"
            ))),
        }
    }
}

/// Books the two jobs, follows their runs, and fetches what they left.
async fn follow(
    control: &dyn ControlPlane,
    config: &str,
    first: Timestamp,
    results: &Path,
    output: &Output,
) -> Result<Vec<Run>> {
    // The one-time run is over before the cron job's first, which has two full minutes.
    let now = to_micros(Timestamp::now());
    let start = later(now, 2)?.min(later(first, -LENGTH_SECS)?).max(now);
    let once = Window::new(start, later(start, LENGTH_SECS)?)?;
    let minutes = Window::new(first.max(once.end()), later(first, 60 + LENGTH_SECS)?)?;
    let cron = Schedule::Cron(CronExpr::parse("* * * * *")?);
    let jobs = [(ONCE, Schedule::Once, once, None), (EVERY_MINUTE, cron, minutes, Some(TRIGGER))];
    for (name, schedule, window, trigger) in jobs {
        let spec = JobSpec { trigger: trigger.map(str::to_owned), ..spec(name, schedule, window, config)? };
        let job = control.schedule_job(spec).await?;
        let when = trigger.map(|trigger| format!(", when {trigger}")).unwrap_or_default();
        output.note(format_args!("{RESEARCHER} booked {} in {window}{when}", job.id));
    }
    foretell(control, minutes, output).await?;
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
            let is_over = |run: &Run| match run.status {
                RunStatus::Skipped => true,
                status => status.is_terminal() && run.artifact.is_some(),
            };
            of_job.peek().is_some() && of_job.all(is_over)
        };
        let closed = Timestamp::now() >= minutes.end();
        if closed && over(ONCE) && over(EVERY_MINUTE) {
            let made: Vec<Run> = runs.iter().filter(|run| run.artifact.is_some()).cloned().collect();
            fetch_all(control, &made, results).await?;
            return Ok(runs);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Says when the trigger is expected to hold.
async fn foretell(control: &dyn ControlPlane, minutes: Window, output: &Output) -> Result<()> {
    let forecast = control.forecast(&NodeId::parse(SEATTLE)?, TRIGGER, minutes).await;
    match forecast {
        Ok(forecast) => {
            for expected in &forecast.windows {
                output.note(format_args!("{TRIGGER} is expected to hold in {}", expected.window));
            }
        }
        // The elements are read in a moment.
        Err(error) => output.note(format_args!("no forecast yet: {}", error.message())),
    }
    Ok(())
}

fn next_minute(time: Timestamp) -> Result<Timestamp> {
    Timestamp::from_second(time.as_second().div_euclid(60) * 60 + 60)
        .map_err(|e| Error::while_doing("plan the demo", e))
}

fn later(from: Timestamp, secs: i64) -> Result<Timestamp> {
    from.checked_add(SignedDuration::from_secs(secs)).map_err(|e| Error::while_doing("plan the demo", e))
}

fn spec(name: &str, schedule: Schedule, window: Window, config: &str) -> Result<JobSpec> {
    Ok(JobSpec {
        id: Some(JobId::parse(name)?),
        node: NodeId::parse(SEATTLE)?,
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
        "trigger",
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
            run.facts.trigger.as_ref().map(|decision| decision.why.clone()).unwrap_or_default(),
        ]
    });
    output.table(&header, rows.collect());
}
