//! `leoscope config`: the testbed-wide configuration.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use leoscope_core::{Error, Result};
use leoscope_settings::replace;
use serde_json::json;

use crate::connect::Session;
use crate::exit::ExitStatus;
use crate::output::{GlobalConfig, Output, read_config};

/// The `config` commands.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print the configuration, as JSON or YAML; secrets are empty for those who must not see them
    Get(Get),
    /// Replace the configuration by that of a file
    Update(Update),
}

/// Options of `config get`.
#[derive(Debug, Args)]
pub(crate) struct Get {
    /// Write it to this file instead, as JSON
    #[arg(long, value_name = "FILE")]
    path: Option<PathBuf>,
}

/// Options of `config update`.
#[derive(Debug, Args)]
pub(crate) struct Update {
    /// The file, in the form that 'config get' prints
    #[arg(long, value_name = "FILE")]
    path: PathBuf,
}

/// Runs a `config` command.
pub(crate) async fn run(command: ConfigCommand, session: &Session, out: &Output) -> Result<ExitStatus> {
    match command {
        ConfigCommand::Get(Get { path }) => {
            let settings = session.connect()?.settings().await?;
            let config = GlobalConfig::from(settings).into_json();
            match path {
                None => out.value(&config),
                Some(path) => {
                    replace(&path, &format!("{config:#}\n"), None)?;
                    out.note(format_args!("the configuration is in {}", path.display()));
                }
            }
        }
        ConfigCommand::Update(Update { path }) => {
            let text = std::fs::read_to_string(&path).map_err(|e| {
                Error::invalid(format!("configuration {} cannot be read: {e}", path.display()))
                    .hint("check --path")
            })?;
            let settings = read_config(&text).map_err(|error| error.context(path.display()))?;
            session.connect()?.update_settings(settings).await?;
            out.done(&"config", "the configuration is replaced", json!({}));
        }
    }
    Ok(ExitStatus::Done)
}
