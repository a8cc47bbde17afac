//! How long it takes to read, evaluate and watch triggers.
//!
//! `cargo bench -p leoscope-tests --bench triggers`

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use leoscope_core::time::{SignedDuration, Timestamp, parse_time};
use leoscope_core::trigger::{Field, Sample, Trigger, Verdict, Watches};

/// The condition of the public testbed's documentation with two directions.
const TWO_FIELDS: &str = "(uplink_throughput_bps - exp_tx_rate_bytes*8 > 100000) & (downlink_throughput_bps - exp_rx_rate_bytes*8 > 40000)";

/// How many triggers are watched together.
const ACTIVE: usize = 100;

fn start() -> Timestamp {
    parse_time("2027-01-01T00:00:00").expect("time")
}

fn trigger(text: &str) -> Trigger {
    Trigger::parse(text).expect(text)
}

fn reading(c: &mut Criterion) {
    let mut group = c.benchmark_group("parse and check");
    for (name, text) in [
        ("satellite_elevation > 40", "satellite_elevation > 40"),
        ("two fields", TWO_FIELDS),
        (
            "history and functions",
            "avg(dish.latency, 30) < 40 and not dish.obstructed and for(dish.drop_rate == 0, 10) and pop_ping_latency_ms_1 < 60",
        ),
    ] {
        group.bench_function(name, |bench| bench.iter(|| Trigger::parse(black_box(text))));
    }
    group.finish();
}

fn evaluating(c: &mut Criterion) {
    let now = start();
    let readings = [
        Sample::number(Field::DISH_UPLINK, 5e6, now),
        Sample::number(Field::DISH_DOWNLINK, 5e7, now),
        Sample::number(Field::NETWORK_TX_RATE, 1e6, now),
        Sample::number(Field::NETWORK_RX_RATE, 2e6, now),
    ];
    let mut group = c.benchmark_group("evaluate");
    for (name, text) in [
        ("satellite_elevation > 40", "satellite_elevation > 40"),
        ("two fields", TWO_FIELDS),
        ("two fields, held for 10 s", &format!("for({TWO_FIELDS}, 10)")),
    ] {
        let mut watches = Watches::new();
        watches.set((), &trigger(text));
        watches.take_in(&readings, now);
        group.bench_function(name, |bench| bench.iter(|| black_box(&mut watches).evaluate(&(), now)));
    }
    let mut watches = Watches::new();
    watches.set((), &trigger(TWO_FIELDS));
    watches.take_in(&readings, now);
    assert_eq!(watches.evaluate(&(), now), Some(Verdict::Met));
    group.finish();
}

/// One new reading, of a field that all, one in twenty or none of the triggers name.
fn updating(c: &mut Criterion) {
    let mut group = c.benchmark_group("one reading, 100 triggers");
    for (name, using) in [("all use it", ACTIVE), ("five use it", 5), ("none uses it", 0)] {
        let mut watches = Watches::new();
        for index in 0..ACTIVE {
            let field = if index < using { "dish.latency" } else { "weather.temperature" };
            let text = format!("{field} < {index} and dish.uptime > 3");
            watches.set(format!("the-researcher.a-job-of-a-usual-name-{index}"), &trigger(&text));
        }
        let mut now = start();
        watches.take_in(&[Sample::number(Field::DISH_UPTIME, 5.0, now)], now);
        let mut latency = 0.0;
        let mut next = || {
            now += SignedDuration::from_millis(1);
            latency = if latency == 0.0 { 1000.0 } else { 0.0 };
            ([Sample::number(Field::DISH_LATENCY, latency, now)], now)
        };
        group.bench_function(name, |bench| {
            bench.iter_batched(
                &mut next,
                |(samples, now)| watches.take_in(&samples, now),
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, reading, evaluating, updating);
criterion_main!(benches);
