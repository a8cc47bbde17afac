//! Plans two experiments without a server: when they would run, and whether they clash.
//!
//! `cargo run -p leoscope-examples --example plan`

use leoscope_core::conflict::{Bookings, refusal};
use leoscope_core::ids::{JobId, NodeId, UserId};
use leoscope_core::model::{Job, JobParams, JobSpec, RunLength};
use leoscope_core::schedule::{CronExpr, Policies, Schedule};
use leoscope_core::time::{Timestamp, Window, parse_time, wire_time};

#[expect(clippy::print_stdout, reason = "an example shows its result")]
fn main() -> leoscope_core::Result<()> {
    let now = parse_time("2026-11-30T12:00:00")?;
    let hourly = job("hourly-ping", Schedule::Cron(CronExpr::parse("0 * * * *")?), 600, now)?;
    for occurrence in hourly.occurrences().take(3) {
        println!("{} runs {}", hourly.id, occurrence.window);
    }
    let once = job("one-trace", Schedule::Once, 60, now)?;
    if let Some(refusal) = refusal(&hourly, &Bookings::new([&once], &[], now), now) {
        for conflict in refusal.conflicts {
            println!("{} would overlap {} at {}", hourly.id, conflict.job, wire_time(conflict.taken.start()));
        }
        for alternative in refusal.alternatives {
            println!(
                "free instead: {:?}, from {}",
                alternative.schedule,
                wire_time(alternative.first.start())
            );
        }
    }
    Ok(())
}

fn job(id: &str, schedule: Schedule, secs: i64, now: Timestamp) -> leoscope_core::Result<Job> {
    let spec = JobSpec {
        id: Some(JobId::parse(id)?),
        node: NodeId::parse("node-seattle")?,
        server: None,
        schedule,
        window: Window::new(parse_time("2026-12-01T00:00:00")?, parse_time("2026-12-02T00:00:00")?)?,
        length: RunLength::from_secs(secs)?,
        overhead: true,
        trigger: None,
        config: "docker: {image: ping}".into(),
        params: JobParams::default(),
        policies: Policies::default(),
    };
    spec.check(UserId::parse("researcher-1")?, now)
}
