//! How long it takes to know where satellites are.
//!
//! `LEOSCOPE_BENCH_ELEMENTS=starlink.tle cargo bench -p leoscope-tests --bench orbit`; without a file it is a
//! made-up constellation of as many satellites.

#![expect(clippy::print_stdout, reason = "benchmarks print what they find")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use leoscope_core::forecast::Outlook;
use leoscope_core::orbit::{Catalogue, Mask, Site, Tracker, View, Walker, above, passes_of_all};
use leoscope_core::time::{SignedDuration, Timestamp, Window};
use leoscope_core::trigger::Trigger;

const MASK: Mask = Mask::Fixed(25.0);

fn elements() -> Vec<u8> {
    match std::env::var_os("LEOSCOPE_BENCH_ELEMENTS") {
        Some(path) => std::fs::read(path).expect("elements"),
        None => {
            let walker = Walker {
                name: "WALKER".into(),
                first_number: 900_001,
                altitude_km: 480.0,
                inclination_deg: 53.0,
                planes: 102,
                per_plane: 105,
                phasing: 17,
                first_node_deg: 0.0,
                first_anomaly_deg: 0.0,
            };
            walker.omm(Timestamp::from_second(1_790_000_000).expect("time")).expect("possible").into()
        }
    }
}

fn site() -> Site {
    Site::new(47.6, -122.3, 0.0).expect("site")
}

/// What this process has taken of a processor.
fn cpu() -> Duration {
    let time = nix::time::clock_gettime(nix::time::ClockId::CLOCK_THREAD_CPUTIME_ID).expect("a clock");
    Duration::from(time)
}

fn orbit(c: &mut Criterion) {
    let text = elements();
    let catalogue = Arc::new(Catalogue::parse(&text).expect("elements"));
    let start = catalogue.epoch() + SignedDuration::from_hours(12);
    let day = Window::lasting(start, SignedDuration::from_hours(24)).expect("window");
    println!("{} satellites, median epoch {}", catalogue.satellites().len(), catalogue.epoch());
    let mut group = c.benchmark_group("orbit");
    group.sample_size(20);
    group.bench_function("parse", |b| b.iter(|| Catalogue::parse(black_box(&text)).expect("elements")));
    group.bench_function("all from scratch", |b| {
        b.iter(|| above(catalogue.satellites(), &site(), MASK, black_box(start)).len());
    });
    group.sample_size(10);
    group.bench_function("passes of 24 h", |b| {
        b.iter(|| passes_of_all(catalogue.satellites(), &site(), MASK, black_box(day)).count());
    });
    group.bench_function("passes of 24 h, thread CPU", |b| {
        b.iter_custom(|rounds| {
            let begun = cpu();
            for _ in 0..rounds {
                black_box(passes_of_all(catalogue.satellites(), &site(), MASK, black_box(day)).count());
            }
            cpu() - begun
        });
    });
    group.bench_function("tick of the monitor at 1 Hz, amortised over two hours", |b| {
        b.iter_custom(|rounds| {
            const TICKS: u32 = 7_200;
            let mut taken = Duration::ZERO;
            for _ in 0..rounds {
                let view = View { mask: MASK, ..View::default() };
                let mut tracker = Tracker::new(Arc::clone(&catalogue), site(), view);
                tracker.sky(start);
                let begun = Instant::now();
                for tick in 0..TICKS {
                    black_box(tracker.sky(start + SignedDuration::from_secs(i64::from(tick))));
                }
                taken += begun.elapsed() / TICKS;
            }
            taken
        });
    });
    let trigger = Trigger::parse("satellite_elevation > 85").expect("condition");
    group.bench_function("forecast of a condition for 24 h", |b| {
        b.iter(|| {
            let mut tracker = Tracker::new(Arc::clone(&catalogue), site(), View::default());
            let mut outlook = Outlook { tracker: Some(&mut tracker), zone: None, weather: &[] };
            outlook.forecast(&trigger, black_box(day)).expect("possible").windows.len()
        });
    });
    group.finish();
    let status = std::fs::read_to_string("/proc/self/status").expect("status");
    let peak = status.lines().find(|line| line.starts_with("VmHWM")).expect("peak");
    println!("memory of all of this at its peak: {peak}");
}

criterion_group!(benches, orbit);
criterion_main!(benches);
