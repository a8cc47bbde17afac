//! How the runs of jobs went, in numbers.

use std::collections::{BTreeMap, HashMap};

use super::{Run, RunStatus};
use crate::ids::JobId;
use crate::time::SignedDuration;

/// How the runs of one job went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobStats {
    /// The job.
    pub job: JobId,
    /// How many runs there are.
    pub planned: usize,
    /// How many ended as planned.
    pub completed: usize,
    /// How many were not started because of their trigger.
    pub skipped: usize,
    /// How many nobody started in time.
    pub missed: usize,
    /// How many could not be carried out.
    pub failed: usize,
    /// How many were stopped by somebody's wish.
    pub aborted: usize,
    /// How many have not ended.
    pub open: usize,
    /// The reasons of those that ended otherwise than as planned, and how many have each: the most frequent
    /// first, then by name.
    pub reasons: Vec<(String, usize)>,
    /// How late they were started; `None` where none of them says.
    pub lateness: Option<Lateness>,
}

/// How late experiments were started after their planned instants; negative when early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lateness {
    /// Half of them were started no later than this; of an even number the mean of the two in the middle.
    pub median: SignedDuration,
    /// The latest of them.
    pub worst: SignedDuration,
}

/// How the runs of each job went, in order of the jobs' ids.
pub fn stats(runs: &[Run]) -> Vec<JobStats> {
    let mut jobs: BTreeMap<&JobId, Vec<&Run>> = BTreeMap::new();
    for run in runs {
        jobs.entry(&run.job).or_default().push(run);
    }
    jobs.into_iter().map(|(job, runs)| JobStats::of(job, &runs)).collect()
}

impl JobStats {
    fn of(job: &JobId, runs: &[&Run]) -> Self {
        let count = |status| runs.iter().filter(|run| run.status == status).count();
        Self {
            job: job.clone(),
            planned: runs.len(),
            completed: count(RunStatus::Completed),
            skipped: count(RunStatus::Skipped),
            missed: count(RunStatus::Missed),
            failed: count(RunStatus::Failed),
            aborted: count(RunStatus::Aborted),
            open: runs.iter().filter(|run| !run.status.is_terminal()).count(),
            reasons: reasons(runs),
            lateness: Lateness::of(runs.iter().filter_map(|run| run.lateness()).collect()),
        }
    }

    /// How many have ended.
    pub fn ended(&self) -> usize {
        let Self { completed, skipped, missed, failed, aborted, .. } = self;
        completed + skipped + missed + failed + aborted
    }

    /// How many percent of those that have ended did so as planned; `None` before any has.
    pub fn coverage(&self) -> Option<f64> {
        let ended = self.ended();
        (ended > 0).then(|| 100.0 * self.completed as f64 / ended as f64)
    }
}

fn reasons(runs: &[&Run]) -> Vec<(String, usize)> {
    let others = runs.iter().filter(|run| run.status.is_terminal() && run.status != RunStatus::Completed);
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for reason in others.filter_map(|run| run.reason.as_deref()) {
        *counts.entry(reason).or_default() += 1;
    }
    let mut reasons: Vec<_> = counts.into_iter().map(|(reason, count)| (reason.to_owned(), count)).collect();
    reasons.sort_by(|(a, most), (b, count)| count.cmp(most).then_with(|| a.cmp(b)));
    reasons
}

impl Lateness {
    fn of(mut all: Vec<SignedDuration>) -> Option<Self> {
        all.sort_unstable();
        let worst = *all.last()?;
        let (low, high) = (all[(all.len() - 1) / 2], all[all.len() / 2]);
        Some(Self { median: low + (high - low) / 2, worst })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{NodeId, RunId, UserId};
    use crate::model::Reason;
    use crate::time::{Timestamp, Window};

    /// The run of `job` planned `number` minutes later than others, begun so many milliseconds late.
    fn run(job: &str, number: i64, status: RunStatus, reason: Option<Reason>, late: Option<i64>) -> Run {
        let start = Timestamp::from_second(1_790_000_000 + 60 * number).expect("time");
        let planned = Window::lasting(start, SignedDuration::from_secs(30)).expect("window");
        let id = RunId::parse(&format!("{job}-{number}")).expect("id");
        let (job, node) = (JobId::parse(job).expect("id"), NodeId::parse("n").expect("id"));
        Run {
            status,
            reason: reason.map(|reason| reason.name().to_owned()),
            started: late.map(|late| start + SignedDuration::from_millis(late)),
            ..Run::planned(id, job, node, UserId::parse("u").expect("id"), planned)
        }
    }

    #[test]
    fn runs_are_counted_job_by_job() {
        let runs = [
            run("b", 0, RunStatus::Scheduled, None, None),
            run("a", 0, RunStatus::Completed, Some(Reason::LengthReached), Some(4)),
            run("a", 1, RunStatus::Completed, Some(Reason::ExperimentEnded), Some(-1)),
            run("a", 2, RunStatus::Failed, Some(Reason::ImageNotFound), None),
            run("a", 3, RunStatus::Skipped, Some(Reason::TriggerNotMet), None),
            run("a", 4, RunStatus::Skipped, Some(Reason::TriggerNotMet), None),
            run("a", 5, RunStatus::Missed, Some(Reason::NodeOffline), None),
            run("a", 6, RunStatus::Aborted, None, Some(900)),
            run("a", 7, RunStatus::Running, None, Some(7)),
        ];
        let found = stats(&runs);
        let millis = SignedDuration::from_millis;
        let a = JobStats {
            job: JobId::parse("a").expect("id"),
            planned: 8,
            completed: 2,
            skipped: 2,
            missed: 1,
            failed: 1,
            aborted: 1,
            open: 1,
            reasons: [("TRIGGER_NOT_MET", 2), ("IMAGE_NOT_FOUND", 1), ("NODE_OFFLINE", 1)]
                .map(|(reason, count)| (reason.to_owned(), count))
                .into(),
            lateness: Some(Lateness { median: SignedDuration::from_micros(5_500), worst: millis(900) }),
        };
        assert_eq!(found[0], a);
        assert_eq!(found[0].coverage().map(f64::round), Some(29.0));
        let b = &found[1];
        assert_eq!((b.job.as_str(), b.planned, b.open, b.ended()), ("b", 1, 1, 0));
        assert_eq!((b.coverage(), b.lateness), (None, None));
        assert_eq!(found.len(), 2);
        assert!(stats(&[]).is_empty());
    }

    #[test]
    fn the_median_lies_in_the_middle() {
        let of = |millis: &[i64]| {
            let all = millis.iter().copied().map(SignedDuration::from_millis).collect();
            Lateness::of(all).map(|found| (found.median.as_millis(), found.worst.as_millis()))
        };
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[3]), Some((3, 3)));
        assert_eq!(of(&[9, 1, 2]), Some((2, 9)));
        assert_eq!(of(&[-6, -2]), Some((-4, -2)));
    }
}
