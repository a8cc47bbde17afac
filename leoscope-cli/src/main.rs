//! The LEOScope command line.

mod app;
mod cli;
mod commands;
mod connect;
mod exit;
mod legacy;
mod output;
mod settings;
mod suggest;
mod terminal;

use exit::ExitStatus;
use tracing_subscriber::EnvFilter;

fn main() -> ExitStatus {
    // Fails only when a provider is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // Names and values that are not Unicode cannot be settings of ours.
    let env: settings::Env = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    if let Some(filter) = env.get("LEOSCOPE_LOG") {
        log_to_stderr(filter);
    }
    app::run(std::env::args_os().collect(), &env)
}

/// Logs what `filter` lets through, for example `debug` or `leoscope_core=trace`.
fn log_to_stderr(filter: &str) {
    let checked = leoscope_settings::log_filter(filter);
    let (filter, fault) = match checked.map(EnvFilter::try_new) {
        Ok(Ok(filter)) => (filter, None),
        Ok(Err(fault)) => (EnvFilter::new("warn"), Some(fault.to_string())),
        Err(fault) => (EnvFilter::new("warn"), Some(fault.to_string())),
    };
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_writer(std::io::stderr)
        .init();
    if let Some(fault) = fault {
        tracing::warn!(%fault, "LEOSCOPE_LOG is not a log filter, logging warnings");
    }
}
