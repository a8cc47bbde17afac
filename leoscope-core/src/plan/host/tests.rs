use super::*;
use crate::ids::UserId;
use crate::model::{JobParams, RunLength};
use crate::schedule::{Policies, Zone};
use crate::time::parse_time;

fn at(text: &str) -> Timestamp {
    parse_time(text).expect("time")
}

fn node() -> NodeId {
    NodeId::parse("node").expect("id")
}

fn job(schedule: Schedule) -> Job {
    Job {
        id: JobId::parse("job").expect("id"),
        owner: UserId::parse("user").expect("id"),
        node: node(),
        server: None,
        schedule,
        window: Window::new(at("2026-12-01T00:00"), at("2026-12-08T00:00")).expect("window"),
        length: RunLength::from_secs(10).expect("length"),
        overhead: false,
        trigger: None,
        config: String::new(),
        params: JobParams::default(),
        policies: Policies::default(),
        shift: SignedDuration::ZERO,
        created: at("2026-11-30T00:00"),
        since: at("2026-11-30T00:00"),
        deleted: None,
    }
}

fn cron(text: &str) -> Job {
    job(Schedule::Cron(CronExpr::parse(text).expect(text)))
}

fn starts(job: Job, now: &str) -> Vec<HostTime> {
    let orders = Orders {
        node: node(),
        revision: 1,
        jobs: vec![job],
        standby: None,
        clock_offset_us: None,
        site: None,
    };
    host_starts(&node(), &orders, true, at(now)).into_iter().map(|start| start.time).collect()
}

/// The expression of the one start.
fn expression(job: Job) -> Option<String> {
    match starts(job, "2026-12-01T00:00:00").as_slice() {
        [HostTime::Every(cron)] => Some(cron.to_string()),
        _ => None,
    }
}

#[test]
fn a_plain_cron_job_is_one_line_that_fires_a_minute_ahead() {
    for (text, expected) in [
        ("*/5 * * * *", "4-59/5 * * * *"),
        ("* * * * *", "* * * * *"),
        ("0 10 * * *", "59 9 * * *"),
        ("0 0 * * *", "59 23 * * *"),
        ("30 8-18 * * 1-5", "29 8-18 * * 1-5"),
        ("15,45 * 1,15 * *", "14,44 * 1,15 * *"),
        ("@hourly", "59 * * * *"),
    ] {
        assert_eq!(expression(cron(text)).as_deref(), Some(expected), "{text}");
    }
}

#[test]
fn a_start_within_the_minute_keeps_the_time_to_get_ready() {
    let moved = |secs| {
        let minutely = cron("*/10 * * * *");
        expression(Job { shift: SignedDuration::from_secs(secs), ..minutely })
    };
    assert_eq!(moved(39).as_deref(), Some("9-59/10 * * * *"));
    assert_eq!(moved(40).as_deref(), Some("*/10 * * * *"));
    assert_eq!(moved(99).as_deref(), Some("*/10 * * * *"));
}

#[test]
fn what_crons_read_differently_is_arranged_by_its_instants() {
    let zone = Zone::parse("Europe/Berlin").expect("zone");
    let policies = Policies { time_zone: zone, ..Policies::default() };
    let slip = Policies { random_slip: SignedDuration::from_secs(60), ..Policies::default() };
    for job in [
        cron("0 12 * * mon-fri"),
        cron("0 12 L * *"),
        cron("0 12 * * 2#1"),
        cron("0 12 */2 * 1"),
        cron("0 12 * * 5-1"),
        // The day before would be another one.
        cron("0 0 * * 1"),
        Job { policies, ..cron("0 12 * * *") },
        Job { policies: slip, ..cron("0 12 * * *") },
    ] {
        assert_eq!(expression(job.clone()), None, "{:?}", job.schedule);
    }
    assert_eq!(starts(cron("0 12 * * tue"), "2026-12-01T00:00"), [HostTime::At(at("2026-12-01T11:59"))]);
    let orders = Orders {
        node: node(),
        revision: 1,
        jobs: vec![cron("0 12 * * *")],
        standby: None,
        clock_offset_us: None,
        site: None,
    };
    let elsewhere = host_starts(&node(), &orders, false, at("2026-12-01T00:00"));
    assert_eq!(elsewhere.len(), 1);
    assert_eq!(elsewhere[0].time, HostTime::At(at("2026-12-01T11:59")), "the host's cron is not in UTC");
}

#[test]
fn instants_leave_forty_seconds_and_reach_a_day_ahead() {
    let once = |start: &str| Job {
        window: Window::new(at(start), at("2026-12-08T00:00")).expect("window"),
        ..job(Schedule::Once)
    };
    for (start, expected) in [
        ("2026-12-01T10:00:00", "2026-12-01T09:59"),
        ("2026-12-01T10:00:39", "2026-12-01T09:59"),
        ("2026-12-01T10:00:40", "2026-12-01T10:00"),
        ("2026-12-01T10:00:59.5", "2026-12-01T10:00"),
    ] {
        assert_eq!(starts(once(start), "2026-12-01T08:00"), [HostTime::At(at(expected))], "{start}");
    }
    assert_eq!(starts(once("2026-12-02T10:00:01"), "2026-12-01T10:00"), []);
    assert_eq!(starts(once("2026-12-01T10:00"), "2026-12-01T10:01"), [], "it is over");
    assert_eq!(starts(cron("* * * * mon-sun"), "2026-12-01T00:00").len(), MOST);
}

#[test]
fn a_job_that_begins_later_than_in_a_day_or_is_over_has_no_line() {
    for (now, count) in [("2026-11-29T00:00", 0), ("2026-11-30T12:00", 1), ("2026-12-08T00:00", 0)] {
        assert_eq!(starts(cron("*/5 * * * *"), now).len(), count, "{now}");
    }
}

#[test]
fn a_process_finds_its_run_by_its_id_or_as_the_next_of_the_job() {
    let job = cron("*/5 * * * *");
    let orders = Orders {
        node: node(),
        revision: 1,
        jobs: vec![job.clone()],
        standby: None,
        clock_offset_us: None,
        site: None,
    };
    let find = |run: Option<&RunId>, now| next_run(&node(), &orders, &job.id, run, job.window, at(now));
    let (id, start) = find(None, "2026-12-01T10:04:00").expect("the next");
    assert_eq!(start, at("2026-12-01T10:05"));
    let (_, after) = find(None, "2026-12-01T10:05:00").expect("the one after");
    assert_eq!(after, at("2026-12-01T10:10"), "the run of this instant has been begun");
    assert_eq!(find(Some(&id), "2026-12-01T09:00:00"), Some((id.clone(), start)));
    assert_eq!(find(Some(&id), "2026-12-01T10:06:00"), None, "its time has passed");
    let other = Orders { jobs: vec![], ..orders.clone() };
    assert_eq!(next_run(&node(), &other, &job.id, Some(&id), job.window, at("2026-12-01T10:04")), None);
}
