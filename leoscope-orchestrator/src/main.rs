//! The LEOScope orchestrator.

mod args;
mod copy;

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use leoscope_core::{Error, Result};
use leoscope_orchestrator::{OrchestratorConfig, Reloader, build};
use leoscope_settings::{General, LogFormat, Stop};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use args::{Cli, Command, Env};

fn main() -> ExitCode {
    use_all_files();
    // Fails only when a provider is there already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let env = std::env::vars_os();
    // An empty variable counts as absent.
    let env: Env = env
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(_, value)| !value.is_empty())
        .collect();
    let outcome = match args::parse(std::env::args_os().collect(), &env) {
        Ok(cli) => log(&cli.general).and_then(|()| start(cli, &env)),
        Err(Stop::Clap(answer)) => answer.exit(),
        Err(Stop::Error(error)) => Err(error),
    };
    match outcome {
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

/// Lets this process open as many files as it may: each connection is one.
fn use_all_files() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(_, most)| setrlimit(Resource::RLIMIT_NOFILE, most, most));
    // It has fewer connections then, and says so.
    let _ = raised;
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
        None => serve(cli.serve.config()?).await,
        Some(Command::Export(args)) => copy::export(args).await,
        Some(Command::Import(args)) => copy::import(args, env).await,
    }
}

async fn serve(config: OrchestratorConfig) -> Result<()> {
    let shutdown = CancellationToken::new();
    stop_on_signal(&shutdown)?;
    // From now on it does not end the program.
    let hangups = signals(SignalKind::hangup())?;
    let Some(app) = shutdown.run_until_cancelled(build(config)).await.transpose()? else { return Ok(()) };
    if let Some(certificate) = app.certificate_path() {
        tracing::info!(certificate = %certificate.display(), "clients must trust this certificate");
    }
    if let Some(address) = app.metrics_addr() {
        tracing::info!(%address, "telling metrics");
    }
    reload_on(hangups, app.reloader());
    app.serve(shutdown).await
}

fn signals(kind: SignalKind) -> Result<Signal> {
    signal(kind).map_err(|e| Error::while_doing("watch for signals", e))
}

/// Cancels `shutdown` on SIGTERM or SIGINT.
fn stop_on_signal(shutdown: &CancellationToken) -> Result<()> {
    for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
        let mut signals = signals(kind)?;
        let shutdown = shutdown.clone();
        tokio::spawn(async move {
            signals.recv().await;
            tracing::info!("stopping");
            shutdown.cancel();
        });
    }
    Ok(())
}

/// Reads the certificate anew on SIGHUP.
fn reload_on(mut signals: Signal, reloader: Reloader) {
    tokio::spawn(async move {
        while signals.recv().await.is_some() {
            match reloader.reload() {
                Ok(true) => {}
                Ok(false) => tracing::info!("the certificate is the same as before"),
                Err(error) => {
                    tracing::warn!(%error, "cannot use the new certificate, going on with the old one");
                }
            }
        }
    });
}
