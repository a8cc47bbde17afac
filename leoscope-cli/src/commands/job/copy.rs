//! `leoscope job export`, `import` and `clone`: jobs as files, and again.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;
use leoscope_core::backends::clock::SystemClock;
use leoscope_core::ids::{JobId, NodeId};
use leoscope_core::model::{Job, JobEnd, JobSpec, JobStart, RunLength};
use leoscope_core::ports::{Clock as _, ControlPlane};
use leoscope_core::schedule::{CronExpr, Schedule};
use leoscope_core::time::{Timestamp, Window, to_micros};
use leoscope_core::{Error, Result};
use leoscope_settings::replace;

use super::schedule::{one, read_config};
use crate::cli::length;
use crate::connect::Session;
use crate::exit::ExitStatus;
use crate::output::Output;

/// The largest job file that is read, in bytes.
const MAX_BYTES: u64 = 4 << 20;

/// Options of `job export`.
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// The job
    #[arg(long)]
    jobid: JobId,
    /// Where to write it [default: to standard output]
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Write the keys of stores in its config as well, instead of ***
    #[arg(long)]
    with_secrets: bool,
}

/// Options of `job import`.
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The file that 'job export' has written; - reads standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    changes: Changes,
}

/// Options of `job clone`.
#[derive(Debug, Args)]
pub(crate) struct Clone {
    /// The job to book again
    #[arg(long, value_name = "JOBID")]
    from: JobId,
    #[command(flatten)]
    changes: Changes,
}

/// What is to be different.
#[derive(Debug, Args)]
struct Changes {
    /// The id of the new job [default: that of the file; of a clone one is made]
    #[arg(long)]
    jobid: Option<JobId>,
    /// Another node that measures
    #[arg(long)]
    nodeid: Option<NodeId>,
    /// Another node that serves
    #[arg(long, value_name = "NODEID")]
    server: Option<NodeId>,
    /// Other starts
    #[arg(long, value_name = "CRON", allow_hyphen_values = true)]
    schedule: Option<CronExpr>,
    /// Another begin (UTC), now, or +90m; the end moves with it unless it is given
    #[arg(long, visible_alias = "start", value_name = "TIME")]
    start_date: Option<JobStart>,
    /// Another end (UTC), or +1d for so long after the start
    #[arg(long, visible_alias = "end", value_name = "TIME")]
    end_date: Option<JobEnd>,
    /// Another length of one run in seconds
    #[arg(long, value_name = "SECS", value_parser = length, allow_hyphen_values = true)]
    length: Option<RunLength>,
    /// Another condition; '' takes it away
    #[arg(long, value_name = "CONDITION")]
    trigger: Option<String>,
    /// Another experiment config (YAML)
    #[arg(long, value_name = "FILE")]
    exp_config: Option<PathBuf>,
}

/// Writes a job as a file.
pub(super) async fn export(export: Export, session: &Session, out: &Output) -> Result<ExitStatus> {
    let Export { jobid, file, with_secrets } = export;
    let mut job = job(&jobid, &*session.connect()?).await?;
    if !with_secrets {
        let shown = job.redacted();
        if shown != job {
            out.warning("keys of a store are written as ***; --with-secrets writes them");
            job = shown;
        }
    }
    let text = JobSpec::from(job).to_file()?;
    match file {
        None => out.text(&text),
        Some(file) => {
            replace(&file, &text, None)?;
            out.done(&jobid, &format!("job {jobid} is written to {}", file.display()), serde_json::json!({}));
        }
    }
    Ok(ExitStatus::Done)
}

/// Books the job of a file.
pub(super) async fn import(import: Import, session: &Session, out: &Output) -> Result<ExitStatus> {
    let Import { file, changes } = import;
    let spec = JobSpec::from_file(&read(&file)?).map_err(|error| error.context(file.display()))?;
    let id = spec.id.clone();
    let spec = changes.over(spec, id, SystemClock.now())?;
    if is_masked(&spec.config) {
        return Err(Error::invalid(format!("{}: the key of a store is *** in it", file.display()))
            .hint("fill it in, give a config with --exp-config, or export with --with-secrets"));
    }
    one(spec, &*session.connect()?, out).await
}

/// Books a job again.
pub(super) async fn clone(clone: Clone, session: &Session, out: &Output) -> Result<ExitStatus> {
    let Clone { from, changes } = clone;
    let plane = session.connect()?;
    let spec = JobSpec::from(job(&from, &*plane).await?);
    if spec.config.is_empty() {
        return Err(Error::new(
            leoscope_core::ErrorKind::PermissionDenied,
            format!("the config of job {from} is not yours to see"),
        )
        .hint("ask its owner for the file that 'leoscope job export' writes"));
    }
    let spec = changes.over(spec, None, SystemClock.now())?;
    one(spec, &*plane, out).await
}

/// Whether a key was taken out of a config when it was exported.
fn is_masked(config: &str) -> bool {
    let names = ["connectionstring", "connection_string"];
    let mut lines = config.lines().map(str::to_ascii_lowercase);
    lines.any(|line| line.contains("***") && names.iter().any(|name| line.contains(name)))
}

async fn job(id: &JobId, plane: &dyn ControlPlane) -> Result<Job> {
    plane.job(id).await?.ok_or_else(|| {
        Error::not_found(format!("there is no job {id}")).hint("list your jobs with 'leoscope job get'")
    })
}

fn read(file: &Path) -> Result<String> {
    let fault = |e: std::io::Error| {
        Error::invalid(format!("job file {} cannot be read: {e}", file.display()))
            .hint("name a file that 'leoscope job export' has written")
    };
    let mut text = String::new();
    if file.as_os_str() == "-" {
        std::io::stdin().lock().take(MAX_BYTES + 1).read_to_string(&mut text).map_err(fault)?;
    } else {
        let file = std::fs::File::open(file).map_err(fault)?;
        file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(fault)?;
    }
    Ok(text)
}

impl Changes {
    /// `spec` with these changes; `id` where none is given.
    fn over(self, spec: JobSpec, id: Option<JobId>, now: Timestamp) -> Result<JobSpec> {
        let Self { jobid, nodeid, server, schedule, start_date, end_date, length, trigger, exp_config } =
            self;
        let schedule = schedule.map_or(spec.schedule, Schedule::Cron);
        let start = match start_date {
            None => spec.window.start(),
            Some(start) => start.instant(to_micros(now), schedule == Schedule::Once)?.ok_or_else(|| {
                Error::invalid("a common slot is for 'leoscope job schedule' to find")
                    .hint("give a start date; 'leoscope job slots' finds free time")
            })?,
        };
        let end = match end_date {
            Some(end) => end.instant(start)?,
            None if start_date.is_some() => start
                .checked_add(spec.window.length())
                .map_err(|_| Error::invalid("the end is beyond all times").hint("give an earlier start"))?,
            None => spec.window.end(),
        };
        Ok(JobSpec {
            id: jobid.or(id),
            node: nodeid.unwrap_or(spec.node),
            server: server.or(spec.server),
            schedule,
            window: Window::new(start, end)?,
            length: length.unwrap_or(spec.length),
            trigger: trigger.or(spec.trigger).filter(|trigger| !trigger.trim().is_empty()),
            config: match exp_config {
                Some(file) => read_config(&file)?,
                None => spec.config,
            },
            overhead: spec.overhead,
            params: spec.params,
            policies: spec.policies,
        })
    }
}
