//! The orchestrator as a process of its own.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use leoscope_core::model::Secret;
use leoscope_orchestrator::{OrchestratorConfig, build};
use tokio_util::sync::CancellationToken;

/// Serves until the process is killed, and tells where on the first line of its output.
pub(crate) async fn serve(dir: &str, database: &str) {
    let store = Some(database.parse().expect("database"));
    let mut config = OrchestratorConfig { port: 0, store, ..OrchestratorConfig::new(dir) };
    // How much it bears is what is measured.
    config.limits.calls_per_second = None;
    config.limits.connections = 20_000;
    config.limits.concurrent_calls = 20_000;
    let app = build(config).await.expect("orchestrator");
    crate::say(&app.local_addr().port().to_string());
    app.serve(CancellationToken::new()).await.expect("served");
}

/// A server in a process of its own, killed with its owner.
pub(crate) struct Server {
    process: Child,
    pub(crate) port: u16,
}

impl Server {
    /// Starts this program with other arguments.
    pub(crate) fn start(args: &[&str]) -> Self {
        let program = std::env::current_exe().expect("program");
        let mut process =
            Command::new(program).args(args).stdout(Stdio::piped()).spawn().expect("start the server");
        let mut first = String::new();
        let output = process.stdout.take().expect("output");
        BufReader::new(output).read_line(&mut first).expect("the server's first line");
        Self { process, port: first.trim().parse().expect("a port") }
    }

    /// Memory in use in bytes.
    pub(crate) fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).expect("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("kB") * 1024
    }

    /// Time of the processors used in seconds.
    pub(crate) fn processor_secs(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id())).expect("stat");
        let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
        let ticks: f64 = fields[11..13].iter().map(|ticks| ticks.parse::<f64>().expect("ticks")).sum();
        // Linux counts a hundred ticks a second wherever it runs.
        ticks / 100.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended before.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The certificate and the administrator's token of an orchestrator in `dir`.
pub(crate) fn credentials(dir: &Path) -> (Vec<u8>, Secret) {
    let token = std::fs::read_to_string(dir.join("admin-token")).expect("token");
    (std::fs::read(dir.join("certs/server.crt")).expect("certificate"), Secret::new(token.trim()))
}
