//! How much one orchestrator bears: polls of existing nodes, and thousands of nodes that hold their
//! streams, and how fast a booking reaches a node at another orchestrator.
//!
//! `cargo bench -p leoscope-tests --bench load`, or with `-- polls`, `-- nodes` or `-- across` one part.
//!
//! The orchestrator is a process of its own, as it is in a testbed; the clients are this process,
//! on the same machine.

mod across;
mod echo;
mod nodes;
mod polls;
mod server;

use std::process::ExitCode;

/// How many files one process may have open: each connection is one.
const OPEN_FILES: u64 = 20_000;

#[expect(clippy::print_stdout, reason = "a bench shows its result")]
fn say(line: &str) {
    println!("{line}");
}

fn main() -> ExitCode {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let limit = nix::sys::resource::Resource::RLIMIT_NOFILE;
    // The hard limit may be lower; then connecting says so.
    let _ = nix::sys::resource::setrlimit(limit, OPEN_FILES, OPEN_FILES);
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Runtime::new().expect("runtime");
    runtime.block_on(async {
        match args[..] {
            ["serve", dir, database] => server::serve(dir, database).await,
            ["echo", dir, size] => echo::serve(dir, size.parse().expect("a size in bytes")).await,
            ["polls"] => polls::run().await,
            ["nodes"] => nodes::run().await,
            ["across"] => across::run().await,
            [] => {
                polls::run().await;
                nodes::run().await;
                across::run().await;
            }
            _ => {
                say("give nothing, 'polls', 'nodes' or 'across'");
                return ExitCode::FAILURE;
            }
        }
        ExitCode::SUCCESS
    })
}
