//! How long it takes to compare jobs.
//!
//! `cargo bench -p leoscope-tests --bench conflicts`

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use leoscope_core::conflict::{Bookings, SlotQuery, conflicts, first_overlap, free_slots, refusal};
use leoscope_core::ids::{JobId, NodeId, UserId};
use leoscope_core::model::{Job, JobParams, JobSpec, RunLength};
use leoscope_core::schedule::{CronExpr, Policies, Schedule, Zone};
use leoscope_core::time::{SignedDuration, Timestamp, Window, parse_time};

fn start() -> Timestamp {
    parse_time("2027-01-01T00:00:00").expect("time")
}

fn job(id: &str, cron: &str, days: i64, secs: i64) -> Job {
    let window = Window::new(start(), start() + SignedDuration::from_hours(24 * days)).expect("window");
    let spec = JobSpec {
        id: Some(JobId::parse(id).expect("id")),
        node: NodeId::parse("node").expect("id"),
        server: None,
        schedule: Schedule::Cron(CronExpr::parse(cron).expect("cron")),
        window,
        length: RunLength::from_secs(secs).expect("length"),
        overhead: true,
        trigger: None,
        config: "docker: {image: lab/ping:1}".into(),
        params: JobParams::default(),
        policies: Policies::default(),
    };
    spec.check(UserId::parse("user").expect("id"), start()).expect("job")
}

/// Pairs that never overlap, which is the answer that takes longest: everything has to be excluded.
fn pairs(c: &mut Criterion) {
    let mut group = c.benchmark_group("pair, one year");
    let cases = [
        ("daily and daily", ("0 3 * * *", 3600), ("0 5 * * *", 3600)),
        ("every minute and every minute", ("*/2 * * * *", 60), ("1-59/2 * * * *", 60)),
        ("weekdays and weekends", ("*/10 * * * 1-5", 60), ("*/10 * * * 0,6", 60)),
        ("month days and month days", ("0 12 1-15 * *", 600), ("0 12 16-28 * *", 600)),
        ("many minutes and hours", ("3,17,31,52 1-23/2 * * *", 300), ("8,22,38,57 */2 * * *", 300)),
    ];
    for (name, (cron_a, secs_a), (cron_b, secs_b)) in cases {
        let (a, b) = (job("a", cron_a, 365, secs_a).timeline(), job("b", cron_b, 365, secs_b).timeline());
        assert_eq!(first_overlap(&a, &b), None, "{name}");
        group.bench_function(name, |bench| bench.iter(|| first_overlap(black_box(&a), black_box(&b))));
    }
    let (a, b) = (job("a", "0 3 * * *", 365, 3600).timeline(), job("b", "30 3 31 12 *", 365, 60).timeline());
    assert!(first_overlap(&a, &b).is_some());
    group.bench_function("overlap on the last day", |bench| bench.iter(|| first_overlap(black_box(&a), &b)));
    let berlin = Policies { time_zone: Zone::parse("Europe/Berlin").expect("zone"), ..Policies::default() };
    let a = Job { policies: berlin, ..job("a", "0 9 * * *", 365, 3600) }.timeline();
    let b = job("b", "0 5 * * *", 365, 3600).timeline();
    assert_eq!(first_overlap(&a, &b), None);
    group.bench_function("a zone with clock changes and UTC", |bench| bench.iter(|| first_overlap(&a, &b)));
    group.finish();
}

/// `count` jobs that leave the first minute of every hour free.
fn crowd(count: usize, days: i64) -> Vec<Job> {
    let cron = |index: usize| format!("{} {} * * *", 1 + index % 59, index / 59 % 24);
    // More jobs than minutes: they share minutes on different days.
    let on = |index: usize| match index / (59 * 24) {
        0 => cron(index),
        month_day => cron(index).replacen("* * *", &format!("{} * *", month_day % 28 + 1), 1),
    };
    (0..count).map(|index| job(&format!("job-{index}"), &on(index), days, 50)).collect()
}

fn admission(c: &mut Criterion) {
    let mut group = c.benchmark_group("a new job against all of its node");
    group.sample_size(20);
    let wanted = |days| job("new", "0 * * * *", days, 60);
    for (count, days) in [(100, 365), (1_000, 365), (10_000, 365), (10_000, 30), (10_000, 5 * 365)] {
        let jobs = crowd(count, days);
        let new = wanted(days);
        let id = BenchmarkId::from_parameter(format!("{count} jobs, {days} days"));
        group.bench_function(id, |bench| {
            bench.iter(|| {
                let bookings = Bookings::new(black_box(&jobs), &[], start());
                assert!(conflicts(&new, &bookings, start()).is_empty());
            });
        });
    }
    let jobs = crowd(10_000, 365);
    let clashing = job("new", "*/30 * * * *", 365, 600);
    let bookings = Bookings::new(&jobs, &[], start());
    group.bench_function("10000 jobs, 365 days, refused with counts and alternatives", |bench| {
        bench.iter(|| refusal(black_box(&clashing), &bookings, start()).expect("refused").clashing);
    });
    group.finish();
}

fn slots(c: &mut Criterion) {
    let jobs = crowd(1_000, 365);
    let bookings = Bookings::new(&jobs, &[], start());
    let query = SlotQuery {
        length: SignedDuration::from_secs(60),
        near: start() + SignedDuration::from_hours(24 * 100),
        within: Window::new(start(), start() + SignedDuration::from_hours(24 * 365)).expect("window"),
        count: 3,
    };
    c.bench_function("three free slots among 1000 jobs", |bench| {
        bench.iter(|| free_slots(&bookings, &query));
    });
}

criterion_group!(benches, pairs, admission, slots);
criterion_main!(benches);
