//! What a researcher asks for, and whether it can be.

use jiff::SignedDuration;

use super::{ExperimentConfig, Job, JobParams, RunLength};
use crate::error::Error;
use crate::ids::{JobId, NodeId, UserId};
use crate::schedule::{Policies, Schedule};
use crate::time::{Timestamp, Window, wire_time};
use crate::trigger::Trigger;

/// The longest date range of a job in days (a hundred years), which bounds what a check can cost.
pub const MAX_WINDOW_DAYS: i64 = 36_525;

/// The longest text of a phase in bytes.
const MAX_TEXT_BYTES: usize = 4096;

/// What a researcher asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobSpec {
    /// The wished id; the orchestrator makes one when there is none.
    pub id: Option<JobId>,
    /// The node that measures.
    pub node: NodeId,
    /// The node that serves, for experiments with two sides.
    pub server: Option<NodeId>,
    /// When it starts.
    pub schedule: Schedule,
    /// The date range in which every run lies wholly.
    pub window: Window,
    /// The length of one run.
    pub length: RunLength,
    /// Whether it needs the link for itself.
    pub overhead: bool,
    /// The condition under which a run starts, as written.
    pub trigger: Option<String>,
    /// The experiment config (YAML), as written.
    pub config: String,
    /// What existing clients send beside the config.
    pub params: JobParams,
    /// What it wants of its starts beyond the schedule.
    pub policies: Policies,
}

impl JobSpec {
    /// Checks everything that can be checked without knowing other jobs or nodes, and gives the
    /// job as it would be booked by `owner` at `now`.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) naming the value.
    pub fn check(self, owner: UserId, now: Timestamp) -> Result<Job, Error> {
        self.check_places()?;
        self.check_times(now)?;
        self.check_texts()?;
        self.policies.check()?;
        let Self { id, node, server, schedule, window, length, overhead, trigger, config, params, policies } =
            self;
        if overhead && policies.allows_overlap() {
            return Err(Error::invalid("a job that needs the link for itself cannot overlap itself")
                .hint("use overlap skip, or make it a job without overhead"));
        }
        if policies.at_window && schedule != Schedule::Once {
            return Err(Error::invalid("only a one-time job can be put into a window that is predicted")
                .hint("leave align window out, or book a one-time job"));
        }
        let trigger = trigger.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        match &trigger {
            Some(trigger) => drop(Trigger::parse(trigger)?),
            None => policies.check_without_trigger()?,
        }
        policies.check_length(length.duration())?;
        if let Some(cloud) = ExperimentConfig::parse(&config)?.cloud {
            cloud.check().map_err(|error| error.context("experiment config cloud_config"))?;
        }
        let id = id.map_or_else(JobId::random, Ok)?;
        let job = Job {
            id,
            owner,
            node,
            server,
            schedule,
            window,
            length,
            overhead,
            trigger,
            config,
            params,
            policies,
            shift: SignedDuration::ZERO,
            created: now,
            since: now,
            deleted: None,
        };
        if job.occurrences().next().is_none() {
            return Err(Error::invalid(format!(
                "schedule never starts a run of {length} inside {window} after {}",
                wire_time(now)
            ))
            .hint("check the cron expression against the dates, or widen the window"));
        }
        Ok(job)
    }

    fn check_places(&self) -> Result<(), Error> {
        match &self.server {
            Some(server) if *server == self.node => {
                Err(Error::invalid(format!("server {server} is also the node that measures"))
                    .hint("name another node as server, or none"))
            }
            _ => Ok(()),
        }
    }

    /// Texts that calendars repeat with every run must be short.
    fn check_texts(&self) -> Result<(), Error> {
        let JobParams { mode, deploy, execute, finish } = &self.params;
        let texts = [
            ("params.mode", mode.as_str()),
            ("params.deploy", deploy),
            ("params.execute", execute),
            ("params.finish", finish),
        ];
        match texts.into_iter().find(|(_, text)| text.len() > MAX_TEXT_BYTES) {
            Some((name, text)) => Err(Error::invalid(format!(
                "{name} is {} bytes long, at most {MAX_TEXT_BYTES} are allowed",
                text.len()
            ))
            .hint("put what belongs to the experiment into its config")),
            None => Ok(()),
        }
    }

    fn check_times(&self, now: Timestamp) -> Result<(), Error> {
        let Self { schedule, window, length, .. } = self;
        if length.duration() > window.length() {
            return Err(Error::invalid(format!(
                "length {length} is longer than the window {window} of {} s",
                window.length().as_secs()
            ))
            .hint("shorten the length or move the end date"));
        }
        if window.length() > SignedDuration::from_hours(24 * MAX_WINDOW_DAYS) {
            return Err(Error::invalid(format!("window {window} is longer than {MAX_WINDOW_DAYS} days"))
                .hint("choose an earlier end date; a job can be booked again later"));
        }
        let passed = |what: &str, at: Timestamp, hint: &str| {
            let (at, now) = (wire_time(at), wire_time(now));
            Error::invalid(format!("{what} {at} has passed, it is {now}")).hint(hint)
        };
        if window.end() <= now {
            return Err(passed("end", window.end(), "choose an end date in the future (times are UTC)"));
        }
        if *schedule == Schedule::Once && window.start() < now {
            return Err(passed("start", window.start(), "choose a start date in the future (times are UTC)"));
        }
        Ok(())
    }
}
