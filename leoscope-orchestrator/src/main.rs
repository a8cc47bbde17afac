//! The LEOScope orchestrator.

mod args;
mod copy;

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use clap::Parser as _;
use leoscope_core::{Error, Result};
use leoscope_orchestrator::{OrchestratorConfig, build};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use args::{Cli, Command, Env};

fn main() -> ExitCode {
    // Fails only when a provider is there already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let filter = tracing_subscriber::EnvFilter::try_from_env("LEOSCOPE_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    let env = std::env::vars_os();
    // An empty variable counts as absent.
    let env: Env = env
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(_, value)| !value.is_empty())
        .collect();
    match start(Cli::parse(), &env) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut stderr = std::io::stderr().lock();
            let hint = error.what_to_do().map(|hint| format!("hint: {hint}\n")).unwrap_or_default();
            // Nobody is left to tell when this fails.
            let _ = write!(stderr, "error: {error}\n{hint}");
            ExitCode::FAILURE
        }
    }
}

fn start(cli: Cli, env: &Env) -> Result<()> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Some(workers) = cli.serve.grpc_workers {
        runtime.worker_threads(workers.into());
    }
    let runtime = runtime.enable_all().build().map_err(|e| Error::while_doing("start its threads", e))?;
    runtime.block_on(run(cli, env))
}

async fn run(cli: Cli, env: &Env) -> Result<()> {
    match cli.command {
        None => serve(cli.serve.config(env)?).await,
        Some(Command::Export(args)) => copy::export(args, env).await,
        Some(Command::Import(args)) => copy::import(args, env).await,
    }
}

async fn serve(config: OrchestratorConfig) -> Result<()> {
    let shutdown = CancellationToken::new();
    stop_on_signal(&shutdown)?;
    let app = build(config).await?;
    let certificate = app.certificate_path();
    tracing::info!(certificate = %certificate.display(), "clients must trust this certificate");
    app.serve(shutdown).await
}

/// Cancels `shutdown` on SIGTERM or SIGINT.
fn stop_on_signal(shutdown: &CancellationToken) -> Result<()> {
    for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
        let mut signals = signal(kind).map_err(|e| Error::while_doing("watch for signals", e))?;
        let shutdown = shutdown.clone();
        tokio::spawn(async move {
            signals.recv().await;
            tracing::info!("stopping");
            shutdown.cancel();
        });
    }
    Ok(())
}
