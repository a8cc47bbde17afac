//! How exactly experiments start: the instant of an experiment's first instruction against the
//! planned one, over 200 starts of each runtime.
//!
//! The experiment is a small static program that prints the time. It is compiled here, with the
//! `rustc` in the path.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use leoscope_core::backends::clock::SystemClock;
use leoscope_core::backends::runtime::{DockerRuntime, ProcessRuntime};
use leoscope_core::ids::{NodeId, RunId};
use leoscope_core::model::{AskedLimits, DockerExperiment, ExperimentConfig, Limits, Network};
use leoscope_core::ports::{Clock, RunSpec, Runtime};
use leoscope_core::time::SignedDuration;

const STARTS: usize = 200;

const IMAGE: &str = "leoscope-bench/stamp:1";

const STAMP: &str = "fn main() {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    println!(\"{}\", now.as_micros());
}";

/// Upper bounds of the histogram in microseconds.
const BOUNDS: [i64; 9] = [500, 1_000, 2_000, 5_000, 10_000, 50_000, 100_000, 250_000, i64::MAX];

#[expect(clippy::print_stdout, reason = "its figures are what it is for")]
fn say(line: &str) {
    println!("{line}");
}

fn main() {
    let scratch = tempfile::tempdir().expect("directory");
    let program = compile(scratch.path());
    let words = vec![program.display().to_string()];
    let process = ExperimentConfig {
        docker: None,
        process: Some(words),
        environment: BTreeMap::new(),
        limits: AskedLimits::default(),
        cloud: None,
    };
    let docker = DockerExperiment { image: IMAGE.into(), name: None, command: None, ports: vec![] };
    let docker = ExperimentConfig {
        docker: Some(docker),
        process: None,
        environment: BTreeMap::new(),
        limits: AskedLimits::default(),
        cloud: None,
    };
    tokio::runtime::Runtime::new().expect("runtime").block_on(async {
        let runtime = ProcessRuntime::new(scratch.path().join("runs")).expect("runtime");
        measure("process", &runtime, &process, scratch.path()).await;
        let node = NodeId::parse("node-bench-starts").expect("id");
        let plain = DockerRuntime::connect(node, None).await.expect("a container engine");
        plain.import_image(IMAGE, context(&program)).await.expect("build an image");
        let armed = plain.clone().holding(&scratch.path().join("gates")).expect("directory for gates");
        measure("docker, armed", &armed, &docker, scratch.path()).await;
        measure("docker, plain", &plain, &docker, scratch.path()).await;
    });
}

fn compile(scratch: &Path) -> std::path::PathBuf {
    let (source, program) = (scratch.join("stamp.rs"), scratch.join("stamp"));
    std::fs::write(&source, STAMP).expect("write");
    let mut compiler = Command::new("rustc");
    compiler
        .args(["-C", "target-feature=+crt-static", "-C", "opt-level=2"])
        .arg(&source)
        .arg("-o")
        .arg(&program);
    assert!(compiler.status().expect("rustc").success());
    program
}

fn context(program: &Path) -> bytes::Bytes {
    let mut context = tar::Builder::new(Vec::new());
    context.append_path_with_name(program, "stamp").expect("program");
    let lines = b"FROM scratch\nCOPY stamp /stamp\nENTRYPOINT [\"/stamp\"]\n";
    let mut header = tar::Header::new_gnu();
    header.set_size(lines.len() as u64);
    header.set_mode(0o644);
    context.append_data(&mut header, "Dockerfile", &lines[..]).expect("append");
    context.into_inner().expect("archive").into()
}

async fn measure(name: &str, runtime: &dyn Runtime, experiment: &ExperimentConfig, scratch: &Path) {
    let (mut late, mut told) = (Vec::new(), Vec::new());
    for number in 0..STARTS {
        let run = RunId::parse(&format!("bench-start-{number}")).expect("run id");
        let results = scratch.join("results");
        std::fs::create_dir_all(&results).expect("directory");
        let spec = RunSpec {
            run: run.clone(),
            experiment: experiment.clone(),
            environment: BTreeMap::new(),
            labels: BTreeMap::new(),
            results,
            results_dest: "/artifacts".into(),
            network: Network::Host,
            limits: Limits::default(),
            until: None,
        };
        runtime.prepare(&spec).await.expect("prepare");
        let planned = SystemClock.now() + SignedDuration::from_millis(50);
        SystemClock.meet(planned).await;
        let started = runtime.start(&run).await.expect("start");
        runtime.wait(&run).await.expect("wait");
        let (stdout, stderr) = (scratch.join("stdout"), scratch.join("stderr"));
        runtime.save_output(&run, &stdout, &stderr).await.expect("output");
        runtime.remove(&run).await.expect("remove");
        let first: i64 = std::fs::read_to_string(stdout).expect("output").trim().parse().expect("a time");
        late.push(first - planned.as_microsecond());
        told.push(started.as_microsecond() - planned.as_microsecond());
    }
    late.sort_unstable();
    told.sort_unstable();
    let at = |sorted: &[i64], share: usize| sorted[(sorted.len() - 1) * share / 100];
    say(&format!("{name}: {STARTS} starts, first instruction after the planned instant, in microseconds"));
    say(&format!(
        "  p50 {}  p90 {}  p99 {}  max {}",
        at(&late, 50),
        at(&late, 90),
        at(&late, 99),
        at(&late, 100)
    ));
    say(&format!("  as told by the runtime: p50 {}  p99 {}", at(&told, 50), at(&told, 99)));
    let mut below = 0;
    for bound in BOUNDS {
        let count = late.iter().filter(|value| **value < bound).count() - below;
        below += count;
        let label = if bound == i64::MAX { "more".to_owned() } else { format!("< {bound}") };
        say(&format!("  {label:>9} {count:>4} {}", "#".repeat(count.div_ceil(4))));
    }
}
