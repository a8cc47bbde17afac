//! `leoscope-node`: runs the experiments of one measurement node.

mod args;

use std::process::ExitCode;

use args::{Command, Machine};
use clap::Parser;
use leoscope_core::Error;
use leoscope_core::schedule::Zone;
use leoscope_node::ExecRequest;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let filter = std::env::var("LEOSCOPE_LOG").unwrap_or_else(|_| "info".to_owned());
    let filter = leoscope_settings::log_filter(&filter).or_else(|_| leoscope_settings::log_filter("info"));
    tracing_subscriber::fmt()
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_writer(std::io::stderr)
        .with_env_filter(EnvFilter::new(filter.unwrap_or_default()))
        .init();
    // A second installation would only say that there is a provider already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let env = std::env::vars().collect();
    let args = args::Args::parse();
    let outcome = machine().and_then(|machine| match args.command {
        Some(Command::Exec(exec)) => {
            exec.resolve(&env, machine).and_then(|(config, request)| carry_out(config, request))
        }
        None => args.resolve(&env, machine).and_then(run),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            if let Some(hint) = error.what_to_do() {
                tracing::error!("{hint}");
            }
            ExitCode::FAILURE
        }
    }
}

/// What the command line does not say.
fn machine() -> Result<Machine, Error> {
    let zone = jiff::tz::TimeZone::try_system().ok();
    let zone = zone.as_ref().and_then(jiff::tz::TimeZone::iana_name).and_then(|name| Zone::parse(name).ok());
    // cron does not have this process's TZ.
    let cron_reads_utc = std::env::var_os("TZ").is_none() && zone.as_ref().is_some_and(Zone::is_utc);
    let program = std::env::current_exe().map_err(|e| Error::while_doing("find this program", e))?;
    Ok(Machine { zone, cron_reads_utc, program })
}

#[tokio::main]
async fn run(config: leoscope_node::NodeConfig) -> Result<(), Error> {
    let id = config.node.clone();
    let node = leoscope_node::build(config).await?;
    tracing::info!(node = %id, runtime = node.runtime.name, version = node.runtime.version, "node is up");
    node.agent.run(stop_at_signal()).await
}

#[tokio::main]
async fn carry_out(config: leoscope_node::NodeConfig, request: ExecRequest) -> Result<(), Error> {
    leoscope_node::exec(config, request, stop_at_signal()).await
}

/// Is cancelled when the process is asked to end.
fn stop_at_signal() -> CancellationToken {
    let stop = CancellationToken::new();
    let signalled = stop.clone();
    tokio::spawn(async move {
        let mut terminate = match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(signal) => signal,
            Err(error) => return tracing::warn!(%error, "cannot listen for SIGTERM"),
        };
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("stopping; experiments in progress go on and are taken up at the next start");
        signalled.cancel();
    });
    stop
}
