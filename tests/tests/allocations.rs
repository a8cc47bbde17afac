//! Comparing a new job with those that are there allocates nothing per pair.

use leoscope_core::conflict::{Bookings, conflicts};
use leoscope_core::ids::{JobId, NodeId, UserId};
use leoscope_core::model::{Job, JobParams, JobSpec, RunLength};
use leoscope_core::schedule::{CronExpr, Policies, Schedule};
use leoscope_core::time::{Timestamp, Window, parse_time};

fn at(text: &str) -> Timestamp {
    parse_time(text).expect(text)
}

fn job(id: &str, cron: &str) -> Job {
    let spec = JobSpec {
        id: Some(JobId::parse(id).expect("id")),
        node: NodeId::parse("node").expect("id"),
        server: None,
        schedule: Schedule::Cron(CronExpr::parse(cron).expect(cron)),
        window: Window::new(at("2027-01-01T00:00"), at("2028-01-01T00:00")).expect("window"),
        length: RunLength::from_secs(50).expect("length"),
        overhead: true,
        trigger: None,
        config: "docker: {image: lab/ping:1}".into(),
        params: JobParams::default(),
        policies: Policies::default(),
    };
    spec.check(UserId::parse("user").expect("id"), at("2027-01-01T00:00")).expect("job")
}

#[test]
fn a_new_job_beside_a_thousand_others() {
    let crowd: Vec<Job> = (0..1_000)
        .map(|index| job(&format!("job-{index}"), &format!("{} {} * * *", 1 + index % 59, index / 59)))
        .collect();
    let (new, now) = (job("new", "0 * * * *"), at("2027-01-01T00:00"));
    let mut found = usize::MAX;
    let measured = allocation_counter::measure(|| {
        let bookings = Bookings::new(&crowd, &[], now);
        found = conflicts(&new, &bookings, now).len();
    });
    assert_eq!(found, 0);
    // The list of bookings, which grows by doubling, and nothing else.
    assert!(measured.count_total <= 12, "{} allocations", measured.count_total);
}
