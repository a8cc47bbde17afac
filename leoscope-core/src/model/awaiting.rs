//! What runs are waited for, and what they wait for themselves.

use std::fmt;
use std::str::FromStr;

use super::account::utc;
use super::{Job, Phase, Run, RunStatus};
use crate::error::Error;
use crate::time::{Timestamp, Window};

/// What a run is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaited {
    /// Its experiment has been started.
    Started,
    /// It has ended, as planned.
    Ended,
    /// Its results have arrived, however it has ended.
    Results,
    /// It has this status.
    Status(RunStatus),
}

/// What became of waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// What was waited for is so.
    Reached,
    /// It never will be.
    Beyond,
}

impl Awaited {
    /// What becomes of waiting, with `run` as it is now; `None` while it goes on.
    pub fn arrival(self, run: &Run) -> Option<Arrival> {
        let is_reached = match self {
            Self::Started => has_started(run),
            Self::Ended => run.status == RunStatus::Completed,
            Self::Results => run.artifact.is_some(),
            // It may have been over between two looks.
            Self::Status(RunStatus::Running) => run.status == RunStatus::Running || has_started(run),
            Self::Status(status) => run.status == status,
        };
        let is_beyond = match self {
            // Its node packs them after it has ended; one that was never started has none.
            Self::Results => matches!(run.status, RunStatus::Skipped | RunStatus::Missed),
            Self::Started | Self::Ended | Self::Status(_) => run.status.is_terminal(),
        };
        let is_beyond =
            is_beyond || (self == Self::Status(RunStatus::Scheduled) && run.status != RunStatus::Scheduled);
        if is_reached { Some(Arrival::Reached) } else { is_beyond.then_some(Arrival::Beyond) }
    }
}

/// Nodes of another make need not say when they started it.
fn has_started(run: &Run) -> bool {
    let is_measuring =
        run.status == RunStatus::Running && matches!(run.phase, Some(Phase::Execute | Phase::Finish));
    run.started.is_some() || is_measuring || run.status == RunStatus::Completed
}

impl fmt::Display for Awaited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started => f.write_str("started"),
            Self::Ended => f.write_str("ended"),
            Self::Results => f.write_str("results"),
            Self::Status(status) => status.fmt(f),
        }
    }
}

impl FromStr for Awaited {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        match text.trim().to_ascii_uppercase().as_str() {
            "STARTED" => Ok(Self::Started),
            "ENDED" => Ok(Self::Ended),
            "RESULTS" => Ok(Self::Results),
            name => RunStatus::from_name(name).map(Self::Status).ok_or_else(|| {
                let names: Vec<_> = RunStatus::ALL.iter().map(|status| status.name()).collect();
                Error::invalid(format!("{text:?} is no state of a run"))
                    .hint(format!("use started, ended, results, or one of {}", names.join(", ")))
            }),
        }
    }
}

impl Job {
    /// The first planned run whose time is not over at `at`, and that starts after all of `recorded`: the
    /// next of which a record will be made.
    pub fn first_beyond(&self, recorded: &[Run], at: Timestamp) -> Option<Window> {
        let last = recorded.iter().filter_map(Run::sort_key).max();
        let planned = self.occurrences_after(last.map_or(at, |last| last.max(at)));
        planned
            .map(|occurrence| occurrence.window)
            .find(|window| last.is_none_or(|last| window.start() > last))
    }
}

impl Run {
    /// What the run waits for at `now`, as the end of "it waits for"; `None` once it has ended. `job` is
    /// what planned it, where that is known.
    pub fn waits_for(&self, job: Option<&Job>, now: Timestamp) -> Option<String> {
        let start = self.planned.map(|window| window.start());
        let to_come = start.filter(|start| *start > now && self.started.is_none());
        let holding = job.filter(|job| job.trigger.is_some() && job.policies.hold.is_some());
        let waits_for = match (self.status, self.phase) {
            (RunStatus::Scheduled, _) | (RunStatus::Running, Some(Phase::Deploy)) => {
                match (to_come, holding.zip(self.planned)) {
                    (Some(start), _) => format!("its planned start at {}", utc(start)),
                    (None, Some((job, planned))) => {
                        format!(
                            "its condition to hold, until {} at the latest",
                            utc(job.latest_start(planned))
                        )
                    }
                    (None, None) => format!("node {} to start it", self.node),
                }
            }
            (RunStatus::Running, Some(Phase::Execute) | None) => match self.planned {
                Some(planned) => format!("its experiment, which is to end at {}", utc(planned.end())),
                None => "its experiment to end".to_owned(),
            },
            (RunStatus::Running, Some(Phase::Finish)) => {
                format!("node {} to pack its results and hand them over", self.node)
            }
            (
                RunStatus::Completed
                | RunStatus::Failed
                | RunStatus::Aborted
                | RunStatus::Skipped
                | RunStatus::Missed,
                _,
            ) => return None,
        };
        Some(waits_for)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{JobId, NodeId, RunId, UserId};
    use crate::model::{JobParams, JobSpec, RunLength};
    use crate::schedule::{Hold, Policies, Schedule};
    use crate::time::{SignedDuration, parse_time};

    fn at(text: &str) -> Timestamp {
        parse_time(&format!("2026-12-01T{text}")).expect(text)
    }

    fn window(from: &str, to: &str) -> Window {
        Window::new(at(from), at(to)).expect("window")
    }

    fn run(from: &str, to: &str) -> Run {
        let (job, node) = (JobId::parse("j").expect("id"), NodeId::parse("n").expect("id"));
        let owner = UserId::parse("u").expect("id");
        Run::planned(RunId::parse("r").expect("id"), job, node, owner, window(from, to))
    }

    /// Every ten minutes from midnight to one o'clock, a minute long.
    fn job(trigger: Option<&str>) -> Job {
        let spec = JobSpec {
            id: Some(JobId::parse("j").expect("id")),
            node: NodeId::parse("n").expect("id"),
            server: None,
            schedule: Schedule::Cron("*/10 * * * *".parse().expect("cron")),
            window: window("00:00:00", "01:00:00"),
            length: RunLength::from_secs(60).expect("length"),
            overhead: true,
            trigger: trigger.map(str::to_owned),
            config: "docker: {image: a}".into(),
            params: JobParams::default(),
            policies: Policies::default(),
        };
        let booked = at("00:00:00").checked_sub(SignedDuration::from_hours(1)).expect("time");
        spec.check(UserId::parse("u").expect("id"), booked).expect("job")
    }

    #[test]
    fn waiting_ends_when_it_is_so_or_never_can_be() {
        let started = Some(at("00:00:00"));
        let scheduled = run("00:00:00", "00:01:00");
        let deploying = Run { status: RunStatus::Running, phase: Some(Phase::Deploy), ..scheduled.clone() };
        let measuring = Run { phase: Some(Phase::Execute), ..deploying.clone() };
        let completed = Run { status: RunStatus::Completed, ..scheduled.clone() };
        let skipped = Run { status: RunStatus::Skipped, ..scheduled.clone() };
        let failed = Run { status: RunStatus::Failed, started, ..scheduled.clone() };
        let handed_over = Run { artifact: Some("bundle".to_owned()), ..failed.clone() };
        let all = [&scheduled, &deploying, &measuring, &completed, &skipped, &failed, &handed_over];
        let told = |state: &str| -> String {
            let state: Awaited = state.parse().expect(state);
            all.map(|run| match state.arrival(run) {
                None => '.',
                Some(Arrival::Reached) => 'r',
                Some(Arrival::Beyond) => 'b',
            })
            .into_iter()
            .collect()
        };
        assert_eq!(told("started"), "..rrbrr");
        assert_eq!(told("Ended"), "...rbbb");
        assert_eq!(told("scheduled"), "rbbbbbb");
        assert_eq!(told("RUNNING"), ".rrrbrr");
        assert_eq!(told("skipped"), "...brbb");
        assert_eq!(told("results"), "....b.r");
        let error = "over".parse::<Awaited>().expect_err("no state");
        assert_eq!(error.message(), "\"over\" is no state of a run");
        assert!(
            error.what_to_do().is_some_and(|hint| hint.contains("results, or one of SCHEDULED, RUNNING"))
        );
    }

    #[test]
    fn the_next_run_is_the_first_without_a_record() {
        let job = job(None);
        let next = |recorded: &[Run], now| {
            job.first_beyond(recorded, at(now)).map(|window| window.start().strftime("%H:%M").to_string())
        };
        assert_eq!(next(&[], "00:00:30").as_deref(), Some("00:00"), "it goes on");
        assert_eq!(next(&[], "00:01:00").as_deref(), Some("00:10"));
        let recorded = [run("00:10:00", "00:11:00"), run("00:00:00", "00:01:00")];
        assert_eq!(next(&recorded, "00:10:30").as_deref(), Some("00:20"));
        // What is recorded counts, however long ago one began to wait.
        let last = [run("00:50:00", "00:51:00")];
        assert_eq!(next(&last, "00:00:00"), None);
        assert_eq!(next(&[], "00:51:00"), None);
    }

    #[test]
    fn a_run_says_what_it_waits_for() {
        let scheduled = run("00:10:00", "00:11:00");
        let mut held = job(Some("dish.latency < 40"));
        held.policies.hold = Some(Hold { at_least: SignedDuration::from_secs(20), ..Hold::default() });
        let going = |phase| Run { status: RunStatus::Running, phase, ..scheduled.clone() };
        let told = |run: &Run, job: Option<&Job>, now| {
            run.waits_for(job, at(now)).map_or_else(|| "nothing\n".to_owned(), |text| text + "\n")
        };
        let all = [
            told(&scheduled, None, "00:09:00"),
            told(&scheduled, Some(&held), "00:09:00"),
            told(&scheduled, Some(&held), "00:10:00"),
            told(&scheduled, None, "00:10:00"),
            told(&going(Some(Phase::Deploy)), None, "00:09:50"),
            told(&going(Some(Phase::Execute)), None, "00:10:10"),
            told(&Run { planned: None, ..going(None) }, None, "00:10:10"),
            told(&going(Some(Phase::Finish)), None, "00:11:10"),
            told(&Run { status: RunStatus::Missed, ..scheduled.clone() }, None, "00:20:00"),
        ];
        insta::assert_snapshot!(all.concat(), @r"
        its planned start at 2026-12-01T00:10:00 UTC
        its planned start at 2026-12-01T00:10:00 UTC
        its condition to hold, until 2026-12-01T00:10:40 UTC at the latest
        node n to start it
        its planned start at 2026-12-01T00:10:00 UTC
        its experiment, which is to end at 2026-12-01T00:11:00 UTC
        its experiment to end
        node n to pack its results and hand them over
        nothing
        ");
    }
}
