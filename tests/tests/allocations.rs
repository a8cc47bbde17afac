//! Comparing a new job with those that are there allocates nothing per pair, and neither does evaluating
//! a trigger.

use leoscope_core::conflict::{Bookings, conflicts};
use leoscope_core::ids::{JobId, NodeId, UserId};
use leoscope_core::model::{Job, JobParams, JobSpec, RunLength};
use leoscope_core::schedule::{CronExpr, Policies, Schedule};
use leoscope_core::time::{SignedDuration, Timestamp, Window, parse_time};
use leoscope_core::trigger::{Field, Key, Sample, Trigger, Verdict, Watches};

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

#[test]
fn a_trigger_is_evaluated_on_every_reading() {
    let now = at("2027-01-01T00:00");
    let text = "avg(dish.latency, 30) < 40 and (uplink_throughput_bps - exp_tx_rate_bytes*8 > 1 or not dish.obstructed) \
                and for(dish.state == 'CONNECTED', 10) and custom.mode != 'eco' and weather_temp_1 > 3";
    let mut watches = Watches::new();
    watches.set((), &Trigger::parse(text).expect("trigger"));
    let readings: Vec<Vec<Sample>> = (0..1_000)
        .map(|secs| {
            let at = now + SignedDuration::from_secs(secs);
            vec![
                Sample::number(Field::DISH_LATENCY, 30.0, at),
                Sample::number(Field::DISH_UPLINK, 5e6, at),
                Sample::number(Field::NETWORK_TX_RATE, 1e6, at),
                Sample::flag(Field::DISH_OBSTRUCTED, secs % 2 == 0, at),
                Sample::text(Field::DISH_STATE, "CONNECTED", at),
                Sample::text(Key::custom("mode").expect("key"), "fast", at),
                Sample::number(Field::WEATHER_TEMPERATURE, 20.0, at),
            ]
        })
        .collect();
    for samples in &readings[..100] {
        watches.take_in(samples, samples[0].at);
    }
    let mut met = 0;
    let measured = allocation_counter::measure(|| {
        for samples in &readings[100..] {
            met += usize::from(watches.evaluate(&(), samples[0].at) == Some(Verdict::Met));
            // Of one field at a time, as monitors tell them.
            for sample in samples {
                watches.take_in(std::slice::from_ref(sample), sample.at);
            }
        }
    });
    assert_eq!(met, 900);
    // What notes which fields are news: one each, nothing per evaluation.
    assert!(measured.count_total <= 2 * 7 * 900, "{} allocations", measured.count_total);
    let evaluated = allocation_counter::measure(|| {
        for samples in &readings {
            watches.evaluate(&(), samples[0].at);
        }
    });
    assert_eq!(evaluated.count_total, 0);
}
