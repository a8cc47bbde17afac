//! Why a run ended as it did, in words.

use super::{Reason, ResultsPlace, Run, RunStatus};
use crate::time::{Timestamp, wire_time};

impl Reason {
    /// What it means, as the end of a sentence about a run.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::ExperimentEnded => "the experiment ended by itself",
            Self::LengthReached => {
                "the experiment was stopped at the end of its length, which is a normal end"
            }
            Self::ContainerExitNonzero => "the experiment ended with another exit code than 0",
            Self::OutOfMemory => "the experiment used more memory than allowed",
            Self::ConfigInvalid => "its config cannot be used on this node",
            Self::ImageNotFound => "its image is neither on the node nor to be had",
            Self::ImagePullDenied => "the registry refused to give its image",
            Self::ImageReferenceInvalid => "the name of its image is not one",
            Self::RuntimeUnavailable => "what runs experiments on the node could not be used",
            Self::StartFailed => "it could not be started",
            Self::NameTaken => "something else has the name of its container",
            Self::DiskFull => "the disk of the node was full",
            Self::OutboxFull => "too many results waited on the node to be handed over",
            Self::DiskLimit => "its results grew beyond what it may keep",
            Self::RouteFailed => "a route that it needs could not be set up",
            Self::ServerNotReady => "its server side was not ready in time",
            Self::PeerEnded => "its other side had ended",
            Self::PeerSilent => "the node of its other side was silent for too long",
            Self::Lost => "it vanished while the node was not looking, as in a power cut",
            Self::StartMissed => "its planned start had passed by more than the allowed lateness",
            Self::PreviousRunning => "the previous run of its job was still going",
            Self::TriggerNotMet => "its condition did not hold",
            Self::TriggerCooldown => "the last run of its job had ended not long before",
            Self::TriggerUnknown => "it cannot be told whether its condition held",
            Self::ScavengerMode => "the owner of the node wanted the link for other things",
            Self::NodeDraining => "the node is taken out of use",
            Self::JobRemoved => "its job was deleted or changed",
            Self::NodeStopped => "the node was shut down",
            Self::CollectFailed => "its results could not be packed",
            Self::NodeOffline => "the node was not there to carry it out",
            Self::NoExecutorReport => "the node was there and reported nothing of it",
        }
    }

    /// What to do about it, in one sentence.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::ExperimentEnded => "nothing; fetch its results with 'leoscope run download'",
            Self::LengthReached => {
                "nothing; fetch its results with 'leoscope run download', or give the job a greater length if the experiment was to end by itself"
            }
            Self::ContainerExitNonzero => {
                "read what it printed with 'leoscope run logs' and correct the experiment, or its command in the experiment config"
            }
            Self::OutOfMemory => {
                "let the experiment use less memory, or ask for more in the experiment config as far as the node allows it"
            }
            Self::ConfigInvalid => {
                "correct the experiment config as the message says, and change the job with 'leoscope job modify'"
            }
            Self::ImageNotFound => "name an image that is on the node or in a registry that it can reach",
            Self::ImagePullDenied => {
                "give the registry's user and password in the experiment config, or make the image public"
            }
            Self::ImageReferenceInvalid => {
                "write the image of the experiment config like registry.example.org/name:tag"
            }
            Self::RuntimeUnavailable => {
                "ask the owner of the node whether its container engine runs; later runs start as soon as it does"
            }
            Self::StartFailed => {
                "see the message; correct the command, the files or the ports in the experiment config"
            }
            Self::NameTaken => "ask the owner of the node to remove the container that has the name",
            Self::DiskFull => "ask the owner of the node to make room on its disk",
            Self::OutboxFull => {
                "see that the node reaches the orchestrator and its storage; runs begin again once it has handed results over"
            }
            Self::DiskLimit => {
                "write less, or ask for more disk in the experiment config as far as the node allows it"
            }
            Self::RouteFailed => "ask the owner of the node to check the route in its settings",
            Self::ServerNotReady => {
                "look at the run of the server side with 'leoscope run why', and let the server say sooner that it is ready"
            }
            Self::PeerEnded => "look at the run of the other side with 'leoscope run why'",
            Self::PeerSilent => {
                "check with 'leoscope node get' whether the node of the other side is connected"
            }
            Self::Lost => {
                "ask the owner of the node whether its power or its container engine failed; the next run starts anew"
            }
            Self::StartMissed => {
                "let runs start later with --allowed-lateness, or leave the node more time between them"
            }
            Self::PreviousRunning => {
                "leave more time between runs, shorten them, or let them overlap with --overlap=allow"
            }
            Self::TriggerNotMet => {
                "nothing if that was meant; else try the condition with 'leoscope trigger watch', or let runs wait for it with --hold"
            }
            Self::TriggerCooldown => "nothing if that was meant; else give the job a shorter --cooldown",
            Self::TriggerUnknown => {
                "check with 'leoscope trigger fields --nodeid=…' that the node reads all that the condition names"
            }
            Self::ScavengerMode => {
                "wait until the owner of the node gives the link back, or book the job on another node"
            }
            Self::NodeDraining => "book the job on another node, or wait until the owner resumes this one",
            Self::JobRemoved => "nothing; book it again if it was deleted by mistake",
            Self::NodeStopped => {
                "wait until the node is there again, which 'leoscope node get' tells; later runs start then"
            }
            Self::CollectFailed => {
                "ask the owner of the node to make room on its disk; what was measured is handed over then"
            }
            Self::NodeOffline => {
                "check with 'leoscope node get' whether the node is connected, and ask its owner to connect it"
            }
            Self::NoExecutorReport => {
                "ask the owner of the node to look into its logs, and to update it if it is old"
            }
        }
    }
}

/// One thing to know of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// What it is about, in a word or two.
    pub about: &'static str,
    /// What is so.
    pub text: String,
}

impl Run {
    /// How and why the run ended as it did, or where it stands, and where its results are: for people, in
    /// the order in which they ask. No link is part of it.
    pub fn account(&self) -> Vec<Fact> {
        let fact = |about, text| Some(Fact { about, text });
        let why = |name: &String| match Reason::from_name(name) {
            Some(reason) => format!("{name}: {}", reason.meaning()),
            None => name.clone(),
        };
        let facts = [
            fact("status", self.stands()),
            self.reason.as_ref().and_then(|name| fact("why", why(name))),
            if self.message.is_empty() { None } else { fact("message", self.message.clone()) },
            self.exit_code.and_then(|code| fact("exit code", code.to_string())),
            fact("start", self.begun()),
            self.trigger_verdict.as_ref().and_then(|verdict| fact("trigger", verdict.clone())),
            fact("results", self.whereabouts()),
        ];
        facts.into_iter().flatten().collect()
    }

    fn stands(&self) -> String {
        let status = self.foreign_status.as_deref().unwrap_or(self.status.name());
        let step = match (self.status.is_terminal(), self.phase, self.stage) {
            (false, Some(phase), _) => format!(", in phase {phase}"),
            (true, _, Some(stage)) => format!(" at stage {stage}"),
            _ => String::new(),
        };
        let ended = self.ended.filter(|_| self.status.is_terminal());
        let ended = ended.map(|at| format!(", {}", utc(at))).unwrap_or_default();
        format!("{status}{step}{ended}")
    }

    fn begun(&self) -> String {
        let planned = self.planned.map(|window| utc(window.start()));
        match (planned, self.started, self.lateness()) {
            (Some(planned), Some(_), Some(late)) => {
                let (way, late) = if late.is_negative() { ("early", -late) } else { ("late", late) };
                let millis = late.as_micros() as f64 / 1e3;
                format!("planned for {planned}, begun {millis:.1} ms {way}")
            }
            (None, Some(started), _) => format!("begun at {}", utc(started)),
            (Some(planned), None, _) => format!("planned for {planned}, not begun"),
            _ => "not begun".to_owned(),
        }
    }

    fn whereabouts(&self) -> String {
        let size = self.bundle.map(|bundle| format!(", {} bytes", bundle.facts.size)).unwrap_or_default();
        if let Some(removed) = self.bundle.and_then(|bundle| bundle.removed) {
            return format!("removed by the operator at {}", utc(removed));
        }
        match (ResultsPlace::of(self), self.status) {
            (Some(ResultsPlace::Orchestrator), _) => format!("at the orchestrator{size}"),
            (Some(ResultsPlace::Link { place, expires }), _) => {
                let until = expires.map(|at| format!(" until {}", utc(at))).unwrap_or_default();
                format!("at {place}{size}; a link to them works{until}")
            }
            (Some(ResultsPlace::Elsewhere(place)), _) => {
                format!("at {place}, to which this testbed has no key")
            }
            (None, RunStatus::Scheduled | RunStatus::Running) => "none yet, it has not ended".to_owned(),
            (None, RunStatus::Skipped | RunStatus::Missed) => "none, it was never started".to_owned(),
            (None, RunStatus::Completed | RunStatus::Failed | RunStatus::Aborted) => {
                format!("not arrived yet from node {}", self.node)
            }
        }
    }
}

pub(super) fn utc(at: Timestamp) -> String {
    format!("{} UTC", wire_time(at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{JobId, NodeId, RunId, UserId};
    use crate::model::{BundleFacts, BundleRecord, Checksum, Outcome, Phase, Stage};
    use crate::time::{Window, parse_time};

    fn at(text: &str) -> Timestamp {
        parse_time(text).expect("time")
    }

    fn run() -> Run {
        let planned = Window::new(at("2026-12-01T00:00:00"), at("2026-12-01T00:01:00")).expect("window");
        let id = RunId::parse("r").expect("id");
        let (job, node) = (JobId::parse("j").expect("id"), NodeId::parse("n").expect("id"));
        Run::planned(id, job, node, UserId::parse("u").expect("id"), planned)
    }

    fn told(run: &Run) -> String {
        run.account().into_iter().map(|Fact { about, text }| format!("{about}: {text}\n")).collect()
    }

    #[test]
    fn every_reason_comes_with_advice_in_one_sentence() {
        for reason in Reason::ALL {
            let advice = reason.advice();
            assert!(advice.starts_with(|first: char| first.is_ascii_lowercase()), "{reason}: {advice}");
            assert!(!advice.contains('\n') && !advice.ends_with('.'), "{reason}: {advice}");
        }
    }

    #[test]
    fn a_run_is_explained() {
        let mut failed = run();
        failed.started = Some(at("2026-12-01T00:00:00.0013"));
        failed.exit_code = Some(3);
        let outcome =
            Outcome::failed(Stage::Execute, Reason::ContainerExitNonzero, "exited with 3: no route to host");
        failed.end(outcome, at("2026-12-01T00:00:30"));
        failed.artifact =
            Some("https://a.example.org/c/n/j/r.tar.gz?se=2026-12-01T02%3A00%3A00Z&sig=x".into());
        let facts = BundleFacts { size: 1234, sha256: Checksum::from_bytes([0; 32]) };
        failed.bundle = Some(BundleRecord { facts, stored: at("2026-12-01T00:01:00"), removed: None });
        insta::assert_snapshot!(told(&failed), @r"
        status: FAILED at stage EXECUTE, 2026-12-01T00:00:30 UTC
        why: CONTAINER_EXIT_NONZERO: the experiment ended with another exit code than 0
        message: exited with 3: no route to host
        exit code: 3
        start: planned for 2026-12-01T00:00:00 UTC, begun 1.3 ms late
        results: at https://a.example.org/c/n/j/r.tar.gz, 1234 bytes; a link to them works until 2026-12-01T02:00:00 UTC
        ");
        let mut going = run();
        (going.status, going.phase) = (RunStatus::Running, Some(Phase::Deploy));
        insta::assert_snapshot!(told(&going), @r"
        status: RUNNING, in phase DEPLOY
        start: planned for 2026-12-01T00:00:00 UTC, not begun
        results: none yet, it has not ended
        ");
        let mut foreign = run();
        foreign.status = RunStatus::Aborted;
        foreign.foreign_status = Some("TERMINATED".into());
        foreign.reason = Some("OF_THEIR_OWN".into());
        foreign.artifact = Some("leoscope:n/j/r.tar.gz".into());
        foreign.planned = None;
        insta::assert_snapshot!(told(&foreign), @r"
        status: TERMINATED
        why: OF_THEIR_OWN
        start: not begun
        results: at the orchestrator
        ");
    }
}
