//! How long calls of the Rust client take, to a testbed in the same process, and how long it takes to find the passes
//! of the satellites whose elements come on standard input: what `tests/benches/python.py` compares the Python package
//! with. Prints the median of each.
//!
//! `cargo run --release -p leoscope-testbed --example calls < starlink.tle`

use std::io::Read as _;
use std::time::Instant;

use leoscope_core::client::GrpcClient;
use leoscope_core::ids::{JobId, NodeId};
use leoscope_core::model::{JobParams, JobSpec, RunLength};
use leoscope_core::orbit::{Catalogue, Mask, Site, passes_of_all};
use leoscope_core::ports::ControlPlane as _;
use leoscope_core::schedule::{Policies, Schedule};
use leoscope_core::time::{SignedDuration, Window, parse_time};
use leoscope_testbed::{RuntimeChoice, SEATTLE, Testbed, TestbedConfig};

/// How many calls are made of each kind.
const CALLS: usize = 2_000;

/// The median time of what is done so often, in microseconds.
fn median(times: usize, call: &mut dyn FnMut()) -> f64 {
    let mut all = Vec::with_capacity(times);
    for _ in 0..times {
        let before = Instant::now();
        call();
        all.push(before.elapsed().as_secs_f64() * 1e6);
    }
    all.sort_by(f64::total_cmp);
    all[times / 2]
}

#[expect(clippy::print_stdout, reason = "it is what this program is for")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let dir = tempfile::tempdir()?;
    let config = TestbedConfig { runtime: RuntimeChoice::Process, ..TestbedConfig::new(dir.path()) };
    let testbed = runtime.block_on(Testbed::start(config))?;
    let client = {
        let _entered = runtime.enter();
        GrpcClient::connect(testbed.as_researcher.clone())?
    };
    let job = JobId::parse("calls")?;
    runtime.block_on(client.schedule_job(spec(&job)?))?;
    let time = median(CALLS, &mut || {
        std::hint::black_box(runtime.block_on(client.time()).expect("time"));
    });
    let get = median(CALLS, &mut || {
        std::hint::black_box(runtime.block_on(client.job(&job)).expect("job"));
    });
    println!("time_us {time:.1}\njob_us {get:.1}");

    let mut elements = Vec::new();
    std::io::stdin().read_to_end(&mut elements)?;
    if !elements.is_empty() {
        let catalogue = Catalogue::parse(&elements)?;
        let site = Site::new(47.6062, -122.3321, 0.0)?;
        let (start, mask) = (catalogue.epoch(), Mask::fixed(25.0)?);
        let span = Window::new(start, start.checked_add(SignedDuration::from_hours(24))?)?;
        let passes = median(5, &mut || {
            let found: Vec<_> = passes_of_all(catalogue.satellites(), &site, mask, span).collect();
            std::hint::black_box(found);
        });
        println!("start {start}\npasses_us {passes:.0}");
    }
    runtime.block_on(testbed.stop())?;
    Ok(())
}

fn spec(id: &JobId) -> Result<JobSpec, leoscope_core::Error> {
    let start = parse_time("2099-01-01T00:00:00")?;
    Ok(JobSpec {
        id: Some(id.clone()),
        node: NodeId::parse(SEATTLE)?,
        server: None,
        schedule: Schedule::Once,
        window: Window::new(start, parse_time("2099-01-02T00:00:00")?)?,
        length: RunLength::from_secs(60)?,
        overhead: true,
        trigger: None,
        config: "docker: {image: a}\n".into(),
        params: JobParams::default(),
        policies: Policies::default(),
    })
}
