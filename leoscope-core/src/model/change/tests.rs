use super::*;
use crate::ids::{JobId, NodeId, UserId};
use crate::model::JobParams;
use crate::schedule::{CronExpr, Hold};
use crate::time::{SignedDuration, parse_time};

fn at(text: &str) -> Timestamp {
    parse_time(text).expect(text)
}

fn hourly() -> Job {
    let spec = JobSpec {
        id: Some(JobId::parse("j").expect("id")),
        node: NodeId::parse("n").expect("id"),
        server: None,
        schedule: cron("0 * * * *"),
        window: Window::new(at("2026-12-01T00:00"), at("2026-12-02T00:00")).expect("window"),
        length: RunLength::from_secs(600).expect("length"),
        overhead: true,
        trigger: None,
        config: "docker: {image: a}".into(),
        params: JobParams::default(),
        policies: Policies::default(),
    };
    spec.check(UserId::parse("u").expect("id"), at("2026-11-30T00:00")).expect("job")
}

fn cron(text: &str) -> Schedule {
    Schedule::Cron(CronExpr::parse(text).expect(text))
}

#[test]
fn a_change_keeps_the_booking_and_begins_with_its_instant() {
    let (job, now) = (hourly(), at("2026-12-01T10:30"));
    let changed = JobChange { length: RunLength::from_secs(60).ok(), ..JobChange::default() };
    let changed = changed.apply(&job, now).expect("change");
    assert!(changed.is_same_booking(&job));
    assert_eq!((changed.since, changed.length.secs(), &changed.config), (now, 60, &job.config));
    let next = changed.occurrences().next().expect("run");
    assert_eq!(next.window.start(), at("2026-12-01T11:00"));
}

#[test]
fn a_run_in_progress_is_kept_only_where_the_new_definition_plans_it_as_long() {
    let (job, now) = (hourly(), at("2026-12-01T10:05"));
    let started = at("2026-12-01T10:00");
    let since = |change: JobChange| change.apply(&job, now).expect("change").succeeding(&job, now).since;
    let with = JobChange::default;
    assert_eq!(since(JobChange { config: Some("docker: {image: b}".into()), ..with() }), started);
    assert_eq!(since(JobChange { schedule: Some(cron("*/30 * * * *")), ..with() }), started);
    assert_eq!(since(JobChange { length: RunLength::from_secs(900).ok(), ..with() }), started);
    assert_eq!(since(JobChange { length: RunLength::from_secs(60).ok(), ..with() }), now);
    assert_eq!(since(JobChange { schedule: Some(cron("30 * * * *")), ..with() }), now);
}

#[test]
fn what_could_not_be_booked_cannot_be_changed_into() {
    let (job, now) = (hourly(), at("2026-12-01T10:05"));
    let refused = |change: JobChange| change.apply(&job, now).expect_err("refused").message().to_owned();
    assert_eq!(refused(JobChange::default()), "no change to job j is given");
    let past = JobChange { end: Some(at("2026-12-01T09:00")), ..JobChange::default() };
    assert!(refused(past).starts_with("end 2026-12-01T09:00:00 has passed"));
    let never = JobChange { schedule: Some(cron("0 0 30 2 *")), ..JobChange::default() };
    assert!(refused(never).starts_with("schedule never starts a run"));
    let bad = JobChange { config: Some("nonsense".into()), ..JobChange::default() };
    assert!(bad.apply(&job, now).is_err());
}

#[test]
fn a_run_whose_random_start_is_still_to_come_is_kept_as_well() {
    let policies = Policies { random_slip: SignedDuration::from_mins(10), ..Policies::default() };
    let job = Job { policies, ..hourly() };
    let run = job.occurrences_after(at("2026-12-01T10:00")).next().expect("run");
    let before = run.window.start() - SignedDuration::from_secs(1);
    let change = JobChange { end: Some(at("2026-12-01T23:00")), ..JobChange::default() };
    for now in [before, run.window.start() + SignedDuration::from_secs(1)] {
        let changed = change.clone().apply(&job, now).expect("change").succeeding(&job, now);
        assert!(changed.plans(run.window), "changed at {now}: {run:?}");
        let again = change.clone().apply(&changed, now).expect("change").succeeding(&changed, now);
        assert!(again.plans(run.window), "and changed again");
    }
}

#[test]
fn what_is_wanted_of_a_trigger_needs_one_and_goes_with_it() {
    let (job, now) = (hourly(), at("2026-12-01T10:05"));
    let secs = SignedDuration::from_secs;
    let with = |hold, cooldown: i64, trigger: Option<&str>| {
        let policies = Some(Policies { hold, cooldown: secs(cooldown), ..Policies::default() });
        JobChange { trigger: trigger.map(str::to_owned), policies, ..JobChange::default() }.apply(&job, now)
    };
    let refused =
        |hold, cooldown, trigger| with(hold, cooldown, trigger).expect_err("refused").message().to_owned();
    let hold = |at_least| Some(Hold { met_for: secs(0), at_least: secs(at_least) });
    assert_eq!(refused(hold(1), 0, None), "hold is about a trigger, and the job has none");
    assert_eq!(refused(None, 60, None), "cooldown is about a trigger, and the job has none");
    assert_eq!(
        refused(hold(601), 0, Some("dish.latency < 40")),
        "at least 601 s are to be left of a length of 600 s"
    );
    assert_eq!(
        refused(None, 0, Some("dish.latancy < 40")),
        "trigger: at character 1: there is no field dish.latancy"
    );
    let held = with(hold(600), 60, Some("dish.latency < 40")).expect("job");
    let without = JobChange { trigger: Some(" ".into()), ..JobChange::default() };
    let free = without.apply(&held, now).expect("job");
    assert_eq!((free.trigger, free.policies), (None, Policies::default()));
}
