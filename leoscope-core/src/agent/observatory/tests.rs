use super::*;
use crate::model::JobSpec;
use crate::time::{Window, parse_time};
use crate::trigger::{Field, Key};

fn at(secs: i64) -> Timestamp {
    parse_time("2026-12-01T12:00:00").expect("time") + SignedDuration::from_secs(secs)
}

fn job() -> Job {
    let spec = JobSpec {
        id: Some("exp".parse().expect("id")),
        node: "node".parse().expect("id"),
        server: None,
        schedule: crate::schedule::Schedule::Once,
        window: Window::new(at(0), at(7200)).expect("window"),
        length: crate::model::RunLength::from_secs(60).expect("length"),
        overhead: true,
        trigger: Some("dish.latency < 40".into()),
        config: "process: {command: measure}".into(),
        params: Default::default(),
        policies: Default::default(),
    };
    spec.check("researcher".parse().expect("id"), at(0)).expect("job")
}

fn job_on(trigger: &str) -> Job {
    Job { trigger: Some(trigger.into()), ..job() }
}

fn own() -> Own {
    Own::unmeasured()
}

fn reading(value: f64, secs: i64) -> Observation {
    let samples = vec![Sample::number(Field::DISH_LATENCY, value, at(secs))];
    Observation { samples, ..Observation::default() }
}

#[test]
fn a_clock_that_is_set_back_does_not_keep_what_it_had_in_the_future() {
    let observatory = Observatory::new(Vec::new(), None, None);
    let job = job();
    observatory.watch(std::iter::once(&job));
    observatory.take_in(reading(30.0, 3600), None, || at(3600));
    let (decision, since) = observatory.judge(&job, &own(), || at(3600));
    assert_eq!((decision.verdict, since), (Verdict::Met, Some(at(3600))));
    // A little behind is no more than a clock that is kept right.
    observatory.pass(&own(), || at(3599));
    assert_eq!(observatory.judge(&job, &own(), || at(3600)).1, Some(at(3600)));
    // An hour back.
    observatory.pass(&own(), || at(0));
    let (decision, since) = observatory.judge(&job, &own(), || at(1));
    assert_eq!((decision.verdict, since), (Verdict::Unknown, None), "{}", decision.why);
    observatory.take_in(reading(35.0, 2), None, || at(2));
    let (decision, since) = observatory.judge(&job, &own(), || at(3));
    assert_eq!((decision.verdict, since), (Verdict::Met, Some(at(2))), "{}", decision.why);
    observatory.take_in(reading(45.0, 4), None, || at(4));
    assert_eq!(observatory.judge(&job, &own(), || at(4)).0.verdict, Verdict::NotMet);
    // Forward it may be set as well: what was read is old then.
    let (decision, _) = observatory.judge(&job, &own(), || at(3600));
    assert_eq!(decision.verdict, Verdict::Unknown, "{}", decision.why);
}

#[test]
fn a_gap_in_which_nobody_looked_breaks_what_held() {
    let observatory = Observatory::new(Vec::new(), None, None);
    let job = job();
    observatory.watch(std::iter::once(&job));
    observatory.take_in(reading(30.0, 0), None, || at(0));
    observatory.take_in(reading(30.0, 60), None, || at(60));
    assert_eq!(observatory.judge(&job, &own(), || at(61)).1, Some(at(60)));
}

#[test]
fn to_judge_once_more_changes_nothing() {
    let observatory = Observatory::new(Vec::new(), None, None);
    let micros = |secs, micros| at(secs) + SignedDuration::from_micros(micros);
    // A slot begins every fifteen seconds, here at the twelfth.
    let jobs =
        ["changed(starlink.slot)", "starlink.slot_1 < starlink.slot", "avg(time.utc, 5) < time.utc - 1.5"];
    let jobs = jobs.map(job_on);
    observatory.watch(jobs.iter());
    for second in 0..12 {
        observatory.pass(&own(), || micros(second, 500_000));
    }
    let verdict = |job: &Job, now| observatory.judge(job, &own(), || now).0.verdict;
    assert_eq!(verdict(&jobs[0], micros(11, 900_000)), Verdict::NotMet);
    observatory.pass(&own(), || micros(12, 500_000));
    for job in &jobs {
        for later in 1..20 {
            assert_eq!(verdict(job, micros(12, 500_000 + later)), Verdict::Met, "{:?}", job.trigger);
        }
        let (_, since) = observatory.judge(job, &own(), || micros(12, 999_999));
        assert!(since.is_some_and(|since| since <= micros(12, 500_000)), "{:?}: {since:?}", job.trigger);
    }
    observatory.pass(&own(), || micros(13, 500_000));
    assert_eq!(verdict(&jobs[0], micros(13, 500_001)), Verdict::NotMet);
}

#[test]
fn who_watches_is_told_for_how_long_counts_what_is_read_seldom() {
    let observatory = Observatory::new(Vec::new(), None, None);
    let door = Sample::flag(Key::custom("door").expect("key"), true, at(0));
    let counts_for = Some(SignedDuration::from_secs(10_800));
    observatory.take_in(Observation { samples: vec![door], ..reading(30.0, 0) }, counts_for, || at(0));
    observatory.take_in(reading(30.0, 0), None, || at(0));
    let mut told: Vec<_> =
        observatory.latest().into_iter().map(|told| (told.field, told.counts_for_s)).collect();
    told.sort_unstable();
    assert_eq!(told, [("custom.door".to_owned(), Some(10_800)), ("dish.latency".to_owned(), None)]);
}

#[test]
fn jobs_that_are_gone_are_watched_no_more() {
    let observatory = Observatory::new(Vec::new(), None, None);
    let job = job();
    observatory.watch(std::iter::once(&job));
    assert!(observatory.is_watching());
    assert_eq!(observatory.watching(at(0)).triggers.len(), 1);
    observatory.watch(std::iter::empty());
    assert!(!observatory.is_watching());
    // A run that outlives its job is judged all the same.
    observatory.take_in(reading(30.0, 1), None, || at(1));
    assert_eq!(observatory.judge(&job, &own(), || at(1)).0.verdict, Verdict::Met);
}

#[test]
fn who_was_held_up_does_not_come_from_the_past() {
    let observatory = Observatory::new(Vec::new(), None, None);
    // Nobody else can take anything in after the clock was looked at.
    let alone = |secs| {
        assert!(observatory.sky.try_lock().is_err(), "another may look at a later time before");
        at(secs)
    };
    observatory.take_in(reading(30.0, 1), None, || alone(1));
    observatory.pass(&own(), || alone(2));
    observatory.judge(&job(), &own(), || alone(3));
    assert_eq!(observatory.sky().latest, Some(at(3)));
}

#[test]
fn what_is_read_seldom_counts_for_longer_and_what_is_read_often_no_shorter() {
    let job = job();
    let verdict_after = |interval: i64, judged: i64| {
        let observatory = Observatory::new(Vec::new(), None, None);
        observatory.watch(std::iter::once(&job));
        let counts_for = Some(SignedDuration::from_secs(3 * interval));
        observatory.take_in(reading(30.0, 0), counts_for, || at(0));
        observatory.judge(&job, &own(), || at(judged)).0.verdict
    };
    assert_eq!((verdict_after(60, 179), verdict_after(60, 180)), (Verdict::Met, Verdict::Unknown));
    // Ten seconds, as the field has it.
    assert_eq!((verdict_after(1, 9), verdict_after(1, 10)), (Verdict::Met, Verdict::Unknown));
}
