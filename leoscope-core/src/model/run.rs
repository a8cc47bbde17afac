//! Runs: one record for every planned occurrence.

use serde::{Deserialize, Serialize};

use super::artifact::BundleRecord;
use super::facts::RunFacts;
use super::named::named;
use crate::ids::{JobId, NodeId, RunId, UserId};
use crate::time::{Timestamp, Window};

named!(
    /// Where a run stands.
    RunStatus {
        /// Planned; nothing has been started.
        Scheduled = "SCHEDULED",
        /// On its node, in one of its phases.
        Running = "RUNNING",
        /// Ended as planned; being stopped at its deadline is a normal end.
        Completed = "COMPLETED",
        /// Could not be carried out.
        Failed = "FAILED",
        /// Stopped before its end by somebody's wish.
        Aborted = "ABORTED",
        /// Not started because its condition did not hold.
        Skipped = "SKIPPED",
        /// Nobody started it in time.
        Missed = "MISSED",
    }
);

impl RunStatus {
    /// The statuses that only nodes of another make report, with what they mean here.
    pub const FOREIGN: [(&str, Self, Option<Phase>); 7] = [
        ("DEPLOYING", Self::Running, Some(Phase::Deploy)),
        ("EXECUTING", Self::Running, Some(Phase::Execute)),
        ("FINISHING", Self::Running, Some(Phase::Finish)),
        ("COMPLETE", Self::Completed, None),
        ("TERMINATED", Self::Aborted, None),
        ("RESCHEDULED", Self::Aborted, None),
        ("RESCHEDULE_FAILED", Self::Aborted, None),
    ];

    /// The status of that name, ours or foreign, with the phase that a foreign one tells.
    pub fn from_any_name(name: &str) -> Option<(Self, Option<Phase>)> {
        let foreign = || Self::FOREIGN.into_iter().find(|(foreign, ..)| *foreign == name);
        let own = Self::from_name(name).map(|status| (status, None));
        own.or_else(|| foreign().map(|(_, status, phase)| (status, phase)))
    }

    /// Whether the run has ended; an ended run never changes its status.
    pub const fn is_terminal(self) -> bool {
        match self {
            Self::Scheduled | Self::Running => false,
            Self::Completed | Self::Failed | Self::Aborted | Self::Skipped | Self::Missed => true,
        }
    }
}

named!(
    /// What a node is doing with a run.
    Phase {
        /// Making it ready: image, container, files.
        Deploy = "DEPLOY",
        /// The experiment measures.
        Execute = "EXECUTE",
        /// Collecting and handing over the results.
        Finish = "FINISH",
    }
);

named!(
    /// The step at which a run ended as it did.
    Stage {
        /// Its schedule.
        Schedule = "SCHEDULE",
        /// Its configuration.
        Config = "CONFIG",
        /// Its trigger.
        Trigger = "TRIGGER",
        /// Making it ready.
        Deploy = "DEPLOY",
        /// Getting the image.
        ImagePull = "IMAGE_PULL",
        /// Making or starting the container.
        Container = "CONTAINER",
        /// The experiment itself.
        Execute = "EXECUTE",
        /// Collecting the results.
        Finish = "FINISH",
        /// Clearing up what nobody reported.
        Reconcile = "RECONCILE",
    }
);

named!(
    /// Why a run ended as it did.
    Reason {
        /// The experiment exited by itself with code 0.
        ExperimentEnded = "EXPERIMENT_ENDED",
        /// The experiment was stopped at the end of its length.
        LengthReached = "LENGTH_REACHED",
        /// The experiment exited with another code than 0.
        ContainerExitNonzero = "CONTAINER_EXIT_NONZERO",
        /// The experiment used more memory than allowed.
        OutOfMemory = "OUT_OF_MEMORY",
        /// The experiment config cannot be used on this node.
        ConfigInvalid = "CONFIG_INVALID",
        /// The image is neither here nor to be had.
        ImageNotFound = "IMAGE_NOT_FOUND",
        /// The registry refused to give the image.
        ImagePullDenied = "IMAGE_PULL_DENIED",
        /// The image's name is not one.
        ImageReferenceInvalid = "IMAGE_REFERENCE_INVALID",
        /// The container engine or process could not be used.
        RuntimeUnavailable = "RUNTIME_UNAVAILABLE",
        /// The container could not be made or started.
        StartFailed = "START_FAILED",
        /// Something else has the name of the container.
        NameTaken = "CONTAINER_NAME_TAKEN",
        /// The node's disk is full.
        DiskFull = "DISK_FULL",
        /// So many results wait to be handed over that there is no room for more.
        OutboxFull = "OUTBOX_FULL",
        /// The results of the experiment grew beyond what it may keep.
        DiskLimit = "DISK_LIMIT_REACHED",
        /// A route that the experiments of the node need could not be set up.
        RouteFailed = "ROUTE_FAILED",
        /// The server side of the run was not ready in time.
        ServerNotReady = "SERVER_NOT_READY",
        /// The other side of the run has ended.
        PeerEnded = "PEER_ENDED",
        /// The node of the other side has not been heard of for too long.
        PeerSilent = "PEER_SILENT",
        /// The experiment vanished while the node was not looking, for example in a power cut.
        Lost = "LOST",
        /// Its planned start had passed by more than the allowed lateness.
        StartMissed = "START_MISSED",
        /// The previous run of the same job was still going.
        PreviousRunning = "PREVIOUS_RUNNING",
        /// The condition did not hold.
        TriggerNotMet = "TRIGGER_NOT_MET",
        /// The trigger lets no run start so soon after the last one.
        TriggerCooldown = "TRIGGER_COOLDOWN",
        /// It cannot be told whether the condition held.
        TriggerUnknown = "TRIGGER_UNKNOWN",
        /// The owner of the node wanted its link for other things.
        ScavengerMode = "SCAVENGER_MODE",
        /// The node is taken out of use; it begins no more runs.
        NodeDraining = "NODE_DRAINING",
        /// The job was deleted or changed.
        JobRemoved = "JOB_REMOVED",
        /// The node was shut down.
        NodeStopped = "NODE_STOPPED",
        /// The results could not be packed.
        CollectFailed = "COLLECT_FAILED",
        /// The node was not there to receive or carry out its orders.
        NodeOffline = "NODE_OFFLINE",
        /// The node was there, and reported nothing.
        NoExecutorReport = "NO_EXECUTOR_REPORT",
    }
);

/// How a run ended: its terminal status with the stage and the reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// A terminal status.
    pub status: RunStatus,
    /// The step at which it ended.
    pub stage: Stage,
    /// Why.
    pub reason: Reason,
    /// One line for people to read.
    pub message: String,
}

impl Outcome {
    /// An outcome; `message` is lower case, without a full stop.
    pub fn new(status: RunStatus, stage: Stage, reason: Reason, message: impl Into<String>) -> Self {
        Self { status, stage, reason, message: message.into() }
    }

    /// Shorthand for a [`RunStatus::Failed`] outcome.
    pub fn failed(stage: Stage, reason: Reason, message: impl Into<String>) -> Self {
        Self::new(RunStatus::Failed, stage, reason, message)
    }
}

/// The record of one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// The job it belongs to.
    pub job: JobId,
    /// The node that carries it out.
    pub node: NodeId,
    /// Who booked the job.
    pub owner: UserId,
    /// When it was to run; `None` for runs of nodes that do not say.
    pub planned: Option<Window>,
    /// When the experiment was started.
    pub started: Option<Timestamp>,
    /// When the run ended.
    pub ended: Option<Timestamp>,
    /// Where it stands.
    pub status: RunStatus,
    /// The status as a node of another make wrote it, where it is not one of ours.
    pub foreign_status: Option<String>,
    /// What the node is doing with it.
    pub phase: Option<Phase>,
    /// The step at which it ended.
    pub stage: Option<Stage>,
    /// Why it ended, upper snake case; nodes of another make may send reasons of their own.
    pub reason: Option<String>,
    /// One line for people to read.
    pub message: String,
    /// The exit code of the experiment.
    pub exit_code: Option<i32>,
    /// Where the bundle is, once it has been handed over; readers of the record find a link here that
    /// works for a while, where its store makes such links.
    pub artifact: Option<String>,
    /// The bundle itself, as the orchestrator knows it; `None` also for those of nodes of another make.
    #[serde(default)]
    pub bundle: Option<BundleRecord>,
    /// The verdict on the job's trigger.
    pub trigger_verdict: Option<String>,
    /// How it was carried out.
    #[serde(default)]
    pub facts: RunFacts,
    /// When the record last changed at the orchestrator.
    pub updated: Option<Timestamp>,
}

impl Run {
    /// A planned run of which nothing has happened yet.
    pub fn planned(id: RunId, job: JobId, node: NodeId, owner: UserId, planned: Window) -> Self {
        Self {
            id,
            job,
            node,
            owner,
            planned: Some(planned),
            started: None,
            ended: None,
            status: RunStatus::Scheduled,
            foreign_status: None,
            phase: None,
            stage: None,
            reason: None,
            message: String::new(),
            exit_code: None,
            artifact: None,
            bundle: None,
            trigger_verdict: None,
            facts: RunFacts::default(),
            updated: None,
        }
    }

    /// How late the experiment was started, where both times are known; negative when early.
    pub fn lateness(&self) -> Option<jiff::SignedDuration> {
        Some(self.started?.duration_since(self.planned?.start()))
    }

    /// Ends the run; the phase is no more.
    pub fn end(&mut self, outcome: Outcome, at: Timestamp) {
        let Outcome { status, stage, reason, message } = outcome;
        self.status = status;
        self.phase = None;
        self.stage = Some(stage);
        self.reason = Some(reason.name().to_owned());
        self.message = message;
        self.ended = Some(at);
    }
}

/// Which runs to list; a default filter lists all, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// Only this run.
    pub id: Option<RunId>,
    /// Only runs of this job.
    pub job: Option<JobId>,
    /// Only runs on this node.
    pub node: Option<NodeId>,
    /// Only runs of this user's jobs.
    pub owner: Option<UserId>,
    /// Only runs that start inside this window.
    pub within: Option<Window>,
    /// At most this many.
    pub limit: Option<u32>,
}

impl RunFilter {
    /// Whether `run` belongs in the list, the limit aside.
    pub fn matches(&self, run: &Run) -> bool {
        let Self { id, job, node, owner, within, limit: _ } = self;
        id.as_ref().is_none_or(|id| *id == run.id)
            && job.as_ref().is_none_or(|job| *job == run.job)
            && node.as_ref().is_none_or(|node| *node == run.node)
            && owner.as_ref().is_none_or(|owner| *owner == run.owner)
            && within.is_none_or(|window| run.sort_key().is_some_and(|start| window.contains(start)))
    }
}

impl Run {
    /// When the run ended, as far as it is known; `None` for one that has not.
    pub fn over(&self) -> Option<Timestamp> {
        let ended = self.ended.or(self.updated).or_else(|| self.sort_key());
        ended.filter(|_| self.status.is_terminal())
    }

    /// The instant by which runs are listed: the planned start, else the actual one.
    pub fn sort_key(&self) -> Option<Timestamp> {
        self.planned.map(|window| window.start()).or(self.started)
    }
}
