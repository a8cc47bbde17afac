//! The LEOScope orchestrator.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use leoscope_core::client::DEFAULT_PORT;
use leoscope_core::model::Secret;
use leoscope_core::{Error, Result};
use leoscope_orchestrator::{OrchestratorConfig, build};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Books experiments, hands them to the nodes of the testbed and keeps their results.
#[derive(Debug, Parser)]
#[command(version)]
struct Flags {
    /// The name or address to listen on; 0.0.0.0 for all of this machine.
    #[arg(long, default_value = "127.0.0.1")]
    grpc_hostname: String,

    /// The port to listen on.
    #[arg(long, default_value_t = DEFAULT_PORT)]
    grpc_port: u16,

    /// The directory for the database, the results, the certificate and the admin's token
    /// [env: LEOSCOPE_STATE_DIR].
    #[arg(long)]
    state_dir: Option<PathBuf>,

    /// The access token of user admin [env: LEOSCOPE_ADMIN_ACCESS_TOKEN]; without one, the token
    /// in the state directory is used, made on the first start.
    #[arg(long)]
    admin_access_token: Option<String>,

    /// A file that holds the access token of user admin.
    #[arg(long, conflicts_with = "admin_access_token")]
    admin_access_token_file: Option<PathBuf>,
}

impl Flags {
    fn config(self) -> Result<OrchestratorConfig> {
        let Self { grpc_hostname, grpc_port, state_dir, admin_access_token, admin_access_token_file } = self;
        let from_env = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let state_dir = state_dir
            .or_else(|| from_env("LEOSCOPE_STATE_DIR").map(PathBuf::from))
            .unwrap_or_else(|| PathBuf::from("leoscope-state"));
        let from_file = |path: PathBuf| {
            std::fs::read_to_string(&path).map(|text| text.trim().to_owned()).map_err(|e| {
                Error::invalid(format!("cannot read the access token in {}: {e}", path.display()))
                    .hint("check --admin-access-token-file")
            })
        };
        let token = match admin_access_token_file.map(from_file).transpose()?.or(admin_access_token) {
            Some(token) => Some(token),
            None => from_env("LEOSCOPE_ADMIN_ACCESS_TOKEN").and_then(|value| value.into_string().ok()),
        };
        Ok(OrchestratorConfig {
            host: grpc_hostname,
            port: grpc_port,
            state_dir,
            admin_token: token.map(Secret::new),
        })
    }
}

fn main() -> ExitCode {
    // Fails only when a provider is there already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let filter = tracing_subscriber::EnvFilter::try_from_env("LEOSCOPE_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let ansi = std::io::stderr().is_terminal();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(ansi)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_writer(std::io::stderr)
        .init();
    match run(Flags::parse()) {
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

#[tokio::main]
async fn run(flags: Flags) -> Result<()> {
    let shutdown = CancellationToken::new();
    stop_on_signal(&shutdown)?;
    let app = build(flags.config()?).await?;
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
