//! The options that say who calls which orchestrator.

use std::convert::Infallible;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::{ContextKind, ContextValue};
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser};
use leoscope_core::client::ClientConfig;
use leoscope_core::ids::UserId;
use leoscope_core::model::Secret;
use leoscope_core::{Error, Result};

use super::{Access, Credential, Env, ProfileChoice, Rules, SELECTOR, Stop, Strangers, layered};

/// Who calls which orchestrator, and how both are known.
#[derive(Debug, Clone, Args)]
pub struct ConnectionArgs {
    /// Who you are
    #[arg(long, global = true)]
    pub userid: Option<UserId>,
    /// What proves it.
    #[command(flatten)]
    pub proof: ProofArgs,
    /// Name or address of the orchestrator; several of one testbed separated by commas
    #[arg(long, global = true, value_name = "HOST", default_value = "localhost")]
    pub grpc_host: String,
    /// Port of the orchestrator
    #[arg(long, global = true, value_name = "PORT", default_value_t = 50051)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..))]
    pub grpc_port: u16,
    /// Certificate (PEM) to trust [default: ./certs/server.crt, then leoscope/certs/server.crt in
    /// the state directory, then the web's authorities]
    #[arg(long, global = true, value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,
    /// Which profile of the profile file to use [default: default]
    #[arg(long, global = true, value_name = "NAME")]
    pub profile: Option<String>,
    /// File with profiles (TOML) [default: leoscope/profiles.toml in the configuration directory]
    #[arg(long, global = true, value_name = "FILE")]
    pub profile_file: Option<PathBuf>,
}

/// What proves who calls. One that is given silences the others where they come from further below;
/// given side by side, the JWT comes first and the file last.
#[derive(Debug, Clone, Default, Args)]
#[group(id = SELECTOR, multiple = true)]
pub struct ProofArgs {
    /// The access token you got when you were registered
    #[arg(long, global = true, value_name = "TOKEN", value_parser = secret)]
    pub access_token: Option<Secret>,
    /// File with the access token, read where no token is given
    #[arg(long, global = true, value_name = "FILE")]
    pub access_token_file: Option<PathBuf>,
    /// Token of the web portal (JWT), which says itself who you are
    #[arg(long, global = true, value_name = "TOKEN", value_parser = secret)]
    pub jwt_access_token: Option<Secret>,
}

/// Takes any text as a secret.
fn secret(text: &str) -> Result<Secret, Infallible> {
    Ok(Secret::new(text))
}

impl ConnectionArgs {
    /// Who calls.
    ///
    /// # Errors
    /// [`InvalidArgument`](leoscope_core::ErrorKind::InvalidArgument) when nobody said, and for a JWT that
    /// is none.
    pub fn caller(&self) -> Result<UserId> {
        Credential::from(self.proof.clone()).caller(self.userid.clone())
    }

    /// How the orchestrator is called; an answer may take as long as `timeout`. Reads the files that are
    /// named, and contacts nothing.
    ///
    /// # Errors
    /// Those of [`Access::client_config`].
    pub fn client_config(&self, env: &Env, timeout: Duration) -> Result<ClientConfig> {
        Access::new(self.clone(), env).client_config(timeout)
    }
}

/// The options without a program around them.
#[derive(Debug, Parser)]
#[command(no_binary_name = true, disable_help_flag = true)]
struct Bare {
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// The profile and its file are chosen before it is read.
const RULES: Rules<'static> = Rules { commands_by_hand: &[], options_by_hand: &["profile", "profile_file"] };

/// Who calls which orchestrator, for libraries: the words that are `given` (like `--userid=me`), then the
/// variables in `env`, then the profile, as for the command line. What the profile says of other options is
/// left alone, whether the command line knows them or not.
///
/// # Errors
/// [`InvalidArgument`](leoscope_core::ErrorKind::InvalidArgument) for words that are no options, for a value
/// that its option refuses, named by where it stands, and for a profile that cannot be read.
pub fn connection(given: &[OsString], env: &Env) -> Result<ConnectionArgs> {
    let command = layered(Bare::command(), given, env, RULES, |asked, options| {
        let choice = ProfileChoice::new(asked.value("profile"), asked.value("profile_file"), env);
        choice.load(options, Strangers::Ignored, true)
    })?;
    let bare = command.try_get_matches_from(given).and_then(|matches| Bare::from_arg_matches(&matches));
    bare.map(|bare| bare.connection).map_err(|answer| match Stop::from(answer) {
        Stop::Error(error) => error,
        Stop::Clap(answer) => complaint(&answer),
    })
}

/// What clap says, without what it says to people at a terminal.
fn complaint(answer: &clap::Error) -> Error {
    let text = answer.to_string();
    let first = text.lines().next().unwrap_or_default();
    let error = Error::invalid(first.strip_prefix("error: ").unwrap_or(first));
    match answer.get(ContextKind::SuggestedArg) {
        Some(ContextValue::String(option)) => error.hint(format!("did you mean {option}?")),
        _ => error,
    }
}

#[cfg(test)]
mod tests;
