//! `leoscope-node`: runs the experiments of one measurement node.

mod args;
mod commands;

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use leoscope_core::schedule::Zone;
use leoscope_core::{Error, Result};
use leoscope_node::{ExecRequest, NodeConfig};
use leoscope_settings::{Env, General, LogFormat, Stop};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use args::{Cli, Command, Machine};

/// A node waits most of the time, for its orchestrator and for the clock: two threads are enough to
/// let a run start while something else is busy.
const WORKERS: usize = 2;

/// Threads for what blocks: reading and writing files, packing results. One that is not needed ends.
const MOST_BLOCKING: usize = 16;

fn main() -> ExitCode {
    // Fails only when a provider is there already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let env = std::env::vars_os();
    // An empty variable counts as absent.
    let env: Env = env
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(_, value)| !value.is_empty())
        .collect();
    let outcome = match args::parse(std::env::args_os().collect(), &env) {
        Ok(cli) => log(&cli.general).and_then(|()| start(cli)),
        Err(Stop::Clap(answer)) => answer.exit(),
        Err(Stop::Error(error)) => Err(error),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            let mut stderr = std::io::stderr().lock();
            let hint = error.what_to_do().map(|hint| format!("hint: {hint}\n")).unwrap_or_default();
            // Nobody is left to tell when this fails.
            let _ = write!(stderr, "error: {error}\n{hint}");
            ExitCode::FAILURE
        }
    }
}

/// Logs to standard error.
fn log(general: &General) -> Result<()> {
    let General { log, log_format, .. } = general;
    let filter = EnvFilter::try_new(general.filter()?)
        .map_err(|e| Error::invalid(format!("--log: {log:?} cannot be used: {e}")))?;
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal() && *log_format == LogFormat::Text)
        .with_writer(std::io::stderr);
    if *log_format == LogFormat::Json {
        // A fault is a line like all others.
        std::panic::set_hook(Box::new(|panic| tracing::error!(%panic, "panicked")));
    }
    match log_format {
        LogFormat::Text => subscriber.init(),
        LogFormat::Json => subscriber.json().flatten_event(true).init(),
    }
    Ok(())
}

fn start(cli: Cli) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .max_blocking_threads(MOST_BLOCKING)
        .enable_all()
        .build()
        .map_err(|e| Error::while_doing("start its threads", e))?;
    runtime.block_on(async {
        match cli.command {
            None => work(cli.run.config(machine()?)?).await.map(|()| ExitCode::SUCCESS),
            Some(Command::Doctor(args)) => {
                let is_well = commands::doctor::run(args).await?;
                Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
            }
            Some(Command::Exec(args)) => {
                let (config, request) = args.resolve(machine()?)?;
                carry_out(config, request).await.map(|()| ExitCode::SUCCESS)
            }
            Some(Command::Status(args)) => commands::status::run(args).await.map(|()| ExitCode::SUCCESS),
        }
    })
}

/// What the command line does not say.
fn machine() -> Result<Machine> {
    let zone = jiff::tz::TimeZone::try_system().ok();
    let zone = zone.as_ref().and_then(jiff::tz::TimeZone::iana_name).and_then(|name| Zone::parse(name).ok());
    // cron does not have this process's TZ.
    let cron_reads_utc = std::env::var_os("TZ").is_none() && zone.as_ref().is_some_and(Zone::is_utc);
    let program = std::env::current_exe().map_err(|e| Error::while_doing("find this program", e))?;
    Ok(Machine { zone, cron_reads_utc, program })
}

/// Is the node until it is told to stop.
async fn work(config: NodeConfig) -> Result<()> {
    let id = config.node.clone();
    let node = leoscope_node::build(config).await?;
    tracing::info!(node = %id, runtime = node.runtime.name, version = node.runtime.version, "node is up");
    node.agent.run(stop_at_signal()).await
}

/// Carries out one run.
async fn carry_out(config: NodeConfig, request: ExecRequest) -> Result<()> {
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
