//! What a node writes down of each run before it acts.

use serde::{Deserialize, Serialize};

use super::named::named;
use super::{BundleFacts, ExperimentFiles, Job, Outcome, Run};
use crate::ids::{NodeId, TaskId};
use crate::time::Timestamp;

/// How far a run has come on its node.
///
/// A step is written down before its action begins, so after a crash the entry names the action
/// that may have been done in part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Known, nothing done.
    Planned,
    /// Image and container are being made ready.
    Preparing,
    /// Ready, waiting for the planned instant.
    Ready,
    /// The planned instant has come; held until its trigger holds.
    Holding,
    /// The experiment is being started.
    Starting,
    /// The experiment runs.
    Executing,
    /// The experiment is being stopped.
    Stopping,
    /// The results are being packed.
    Collecting,
    /// Ended; the record is final.
    Done,
}

/// When a run entered a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepAt {
    /// The step.
    pub step: Step,
    /// When it was entered, by the node's clock.
    pub at: Timestamp,
}

named!(
    /// Where the experiment config of a run came from.
    #[derive(Default)]
    ConfigSource {
        /// From the job, as the orchestrator has it.
        #[default]
        Orchestrator = "ORCHESTRATOR",
        /// From a file that older deployments keep in blob storage.
        BlobStorage = "BLOB_STORAGE",
    }
);

/// What became of the results of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bundle {
    /// Nothing has been packed.
    None,
    /// What there is could not be packed, for want of room; it is tried again.
    Unpacked,
    /// Packed on the node, not yet handed over.
    Packed,
    /// Acknowledged by the orchestrator.
    Delivered,
    /// Refused by the orchestrator for good; kept while there is room, and offered again now and then.
    Refused,
    /// Removed without having been handed over: refused, and there was no room, or somebody took the
    /// file away.
    Dropped,
}

/// How an experiment ended by itself or was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// Its exit code; `None` where it cannot be known, for example after a kill.
    pub code: Option<i32>,
    /// Whether it was killed for using too much memory.
    pub out_of_memory: bool,
    /// When it ended.
    pub at: Timestamp,
}

/// What a runtime knows of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuntimeState {
    /// Nothing.
    Absent,
    /// Prepared, not started.
    Prepared,
    /// Running since.
    Running(Timestamp),
    /// Ended.
    Exited(Exit),
}

/// Which side of a run a node carries out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// It has one side only.
    Alone,
    /// The side that measures.
    Client,
    /// The side that is measured against.
    Server,
}

/// One run in the node's journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalEntry {
    /// The record as it will be, or has been, reported.
    pub run: Run,
    /// The job as it was when the run was planned.
    pub job: Job,
    /// How far it has come.
    pub step: Step,
    /// How it will end, once that is decided.
    pub outcome: Option<Outcome>,
    /// Whether the orchestrator has acknowledged `run` as it stands.
    pub reported: bool,
    /// What became of the results.
    pub bundle: Bundle,
    /// What identifies the packed results, once they are.
    #[serde(default)]
    pub packed: Option<BundleFacts>,
    /// What took the place of the job's own config and arguments.
    #[serde(default)]
    pub inputs: ExperimentFiles,
    /// Why the results could not be handed over when that was tried last.
    #[serde(default)]
    pub trouble: Option<String>,
    /// The task that asked for this server side.
    #[serde(default)]
    pub task: Option<TaskId>,
    /// Whether the other side has been told that this one is over, or need not be.
    #[serde(default)]
    pub told: bool,
    /// When it entered the steps that it has come through, each once and in their order; see
    /// [`enter`](Self::enter). Entries of earlier versions have none.
    #[serde(default)]
    pub steps: Vec<StepAt>,
}

impl JournalEntry {
    /// An entry for a run of which nothing has been done.
    pub fn new(run: Run, job: Job) -> Self {
        Self {
            run,
            job,
            step: Step::Planned,
            outcome: None,
            reported: false,
            bundle: Bundle::None,
            packed: None,
            trouble: None,
            inputs: ExperimentFiles::default(),
            task: None,
            told: false,
            steps: Vec::new(),
        }
    }

    /// The experiment config that is carried out.
    pub fn config(&self) -> &str {
        self.inputs.config.as_deref().unwrap_or(&self.job.config)
    }

    /// Whether nothing is kept of the run that its entry would be needed for.
    pub fn is_over(&self) -> bool {
        self.is_settled() && self.bundle != Bundle::Refused
    }

    /// Where the experiment config came from.
    pub fn config_source(&self) -> ConfigSource {
        if self.inputs.config.is_some() { ConfigSource::BlobStorage } else { ConfigSource::Orchestrator }
    }

    /// Notes that the run has entered `step` at `at`.
    ///
    /// A run that falls back, as after a crash, keeps when it first entered the step it falls back to;
    /// what came after that was for nothing and is forgotten. So there is at most one of each.
    pub fn enter(&mut self, step: Step, at: Timestamp) {
        self.step = step;
        self.steps.retain(|entered| entered.step <= step);
        if self.steps.last().is_none_or(|entered| entered.step != step) {
            self.steps.push(StepAt { step, at });
        }
    }

    /// When the run entered `step`, if it did.
    pub fn entered(&self, step: Step) -> Option<Timestamp> {
        self.steps.iter().find(|entered| entered.step == step).map(|entered| entered.at)
    }

    /// Which side of the run this is.
    pub fn part(&self) -> Part {
        match &self.job.server {
            None => Part::Alone,
            Some(server) if *server == self.run.node && self.run.node != self.job.node => Part::Server,
            Some(_) => Part::Client,
        }
    }

    /// Whether the start depends on the job's trigger: that is the affair of the side that measures.
    pub fn is_gated(&self) -> bool {
        self.job.trigger.is_some() && self.part() != Part::Server
    }

    /// The node of the other side.
    pub fn peer(&self) -> Option<&NodeId> {
        match self.part() {
            Part::Alone => None,
            Part::Client => self.job.server.as_ref(),
            Part::Server => Some(&self.job.node),
        }
    }

    /// Whether the other side is to be told that this one is over.
    pub fn is_to_tell(&self) -> bool {
        !self.told && self.part() != Part::Alone && matches!(self.step, Step::Collecting | Step::Done)
    }

    /// Whether nothing is left to do, report, hand over or tell.
    pub fn is_settled(&self) -> bool {
        let is_kept = matches!(self.bundle, Bundle::Unpacked | Bundle::Packed);
        self.step == Step::Done && self.reported && !is_kept && !self.is_to_tell()
    }
}
