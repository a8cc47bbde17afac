//! How long commands take, as whole processes: `leoscope --help`, and `job get` from an orchestrator on this
//! machine, TLS and log-in included.
//!
//! `cargo build --release --bin leoscope && cargo bench -p leoscope-tests --bench cli`

use std::path::PathBuf;
use std::process::{Command, Stdio};

use criterion::{Criterion, criterion_group, criterion_main};
use leoscope_orchestrator::{OrchestratorConfig, build};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

/// The program, as it was built before.
fn program() -> PathBuf {
    let bench = std::env::current_exe().expect("program");
    let program = bench.ancestors().nth(2).expect("target directory").join("leoscope");
    assert!(program.exists(), "{} is not there: cargo build --release --bin leoscope", program.display());
    program
}

fn run(command: &mut Command) {
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status().expect("it runs");
    assert!(status.success(), "{command:?}");
}

fn cli(c: &mut Criterion) {
    let program = program();
    let dir = tempfile::tempdir().expect("directory");
    let runtime = Runtime::new().expect("runtime");
    let config = OrchestratorConfig { port: 0, ..OrchestratorConfig::new(dir.path()) };
    let app = runtime.block_on(build(config)).expect("orchestrator");
    let port = app.local_addr().port();
    let stop = CancellationToken::new();
    let serving = runtime.spawn(app.serve(stop.clone()));
    let leoscope = |line: &str| {
        let mut command = Command::new(&program);
        command.args(line.split(' ')).env_clear().env("HOME", dir.path());
        command.env("LEOSCOPE_USERID", "admin").env("LEOSCOPE_GRPC_PORT", port.to_string());
        command.env("LEOSCOPE_ACCESS_TOKEN_FILE", dir.path().join("admin-token"));
        command.env("LEOSCOPE_TLS_CERT", dir.path().join("certs/server.crt"));
        command
    };
    let experiment = dir.path().join("experiment.yaml");
    std::fs::write(&experiment, "docker: {image: a}\n").expect("config");
    run(&mut leoscope("node register --nodeid=n"));
    let book = format!(
        "job schedule --nodeid=n --jobid=j --start=2099-01-01 --length=60 --exp-config={}",
        experiment.display()
    );
    run(&mut leoscope(&book));
    let mut group = c.benchmark_group("cli");
    group.bench_function("leoscope --help", |b| b.iter(|| run(&mut leoscope("--help"))));
    group.bench_function("leoscope job get", |b| b.iter(|| run(&mut leoscope("job get --jobid=j"))));
    group.finish();
    stop.cancel();
    runtime.block_on(serving).expect("it ends").expect("served");
}

criterion_group!(benches, cli);
criterion_main!(benches);
