//! `leoscope login` and `leoscope logout`: who one is, once and for all.

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};

use clap::Args;
use leoscope_core::model::Secret;
use leoscope_core::{Error, Result};
use leoscope_settings::{ConnectionArgs, Env, ProfileChoice, Profiles, ProofArgs, tokens};
use serde_json::json;

use crate::connect::Session;
use crate::exit::ExitStatus;
use crate::output::Output;
use crate::terminal;

/// Options of `login`.
///
/// The access token is the one of --access-token or --access-token-file; where neither is given it is
/// asked for on the terminal. It is kept in a file of its own, which you alone can read, and the rest in
/// the profile of --profile.
#[derive(Debug, Args)]
pub(crate) struct Login {
    /// Read the access token from standard input, a line
    #[arg(long)]
    access_token_stdin: bool,
}

/// What a log-in stores, and where.
#[derive(Debug)]
pub(super) struct LogIn {
    pub(super) profiles: Profiles,
    /// Where the token is kept.
    pub(super) file: PathBuf,
    pub(super) token: Secret,
    pub(super) host: String,
    pub(super) port: u16,
}

impl Login {
    /// Logs in as `args` say.
    pub(crate) async fn run(self, args: ConnectionArgs, env: &Env, out: &Output) -> Result<ExitStatus> {
        let choice = ProfileChoice::new(args.profile.clone(), args.profile_file.clone(), env);
        let profiles = Profiles::open(&choice)?;
        let file = tokens::place(profiles.chosen(), profiles.file())?;
        // Nobody shall type a token in vain.
        Session::new(ConnectionArgs { proof: ProofArgs::default(), ..args.clone() }, env).caller()?;
        let token = self.token(&args.proof, &file, out).await?;
        let proof = ProofArgs { access_token: Some(token.clone()), ..ProofArgs::default() };
        let (host, port) = (args.grpc_host.clone(), args.grpc_port);
        let session = Session::new(ConnectionArgs { proof, ..args }, env);
        LogIn { profiles, file, token, host, port }.keep(&session, out).await
    }

    async fn token(&self, given: &ProofArgs, kept: &Path, out: &Output) -> Result<Secret> {
        let ProofArgs { access_token, access_token_file, jwt_access_token } = given;
        if jwt_access_token.as_ref().is_some_and(|jwt| !jwt.is_empty()) {
            return Err(Error::invalid("a JWT is no log-in to keep: it expires")
                .hint("give it with the commands that need it, or log in with an access token"));
        }
        let token = if self.access_token_stdin {
            line()?
        } else if let Some(token) = access_token.clone().filter(|token| !token.is_empty()) {
            token
        } else if let Some(file) = access_token_file.as_ref().filter(|file| *file != kept) {
            tokens::read(file)?
        } else if io::stdin().is_terminal() {
            out.prompt("access token");
            terminal::silent_line().await?
        } else {
            return Err(Error::invalid("no access token is given").hint(
                "give --access-token or --access-token-file, or write it to standard input with --access-token-stdin",
            ));
        };
        Some(token).filter(|token| !token.is_empty()).ok_or_else(|| {
            Error::invalid("the access token is empty")
                .hint("give the one that 'leoscope user register' has printed")
        })
    }
}

/// A line of standard input.
fn line() -> Result<Secret> {
    let mut line = String::new();
    io::stdin().read_line(&mut line).map_err(|e| Error::while_doing("read standard input", e))?;
    Ok(Secret::new(line.trim()))
}

impl LogIn {
    /// Keeps it, if the orchestrator knows the caller by it.
    pub(super) async fn keep(self, session: &Session, out: &Output) -> Result<ExitStatus> {
        let Self { mut profiles, file, token, host, port } = self;
        let user = session.caller()?;
        session.connect()?.user(user).await?;
        let name = profiles.chosen().to_owned();
        let certificate = session.certificate().map(absolute).transpose()?;
        let mut options = vec![
            ("userid", Some(user.as_str().into())),
            ("grpc-host", Some(host.as_str().into())),
            ("grpc-port", Some(i64::from(port).into())),
            ("access-token-file", Some(absolute(&file)?.into())),
            // They would be taken instead of the file.
            ("access-token", None),
            ("jwt-access-token", None),
        ];
        if let Some(certificate) = certificate {
            options.push(("tls-cert", Some(certificate.into())));
        }
        profiles.set(&name, options)?;
        tokens::keep(&file, &token)?;
        profiles.save()?;
        let shown = profiles.file().display().to_string();
        let told = format!("logged in as {user} at {host}:{port}; profile {name} says so");
        let more = json!({ "userid": user, "grpc_host": host, "grpc_port": port, "profile_file": shown });
        out.done(&name, &told, more);
        Ok(ExitStatus::Done)
    }
}

/// A path as it stands in a profile.
fn absolute(path: &Path) -> Result<String> {
    let absolute = std::path::absolute(path)
        .map_err(|e| Error::while_doing(format!("find where {} lies", path.display()), e))?;
    let text = absolute.to_str().map(str::to_owned);
    text.ok_or_else(|| Error::invalid(format!("path {} cannot be written down", path.display())))
}

/// Forgets the token of the profile in use; the rest of the profile stays.
pub(crate) fn log_out(args: ConnectionArgs, env: &Env, out: &Output) -> Result<ExitStatus> {
    let mut profiles = Profiles::open(&ProfileChoice::new(args.profile, args.profile_file, env))?;
    let name = profiles.chosen().to_owned();
    profiles.get(&name)?;
    let tokens = ["access-token-file", "access-token", "jwt-access-token"];
    profiles.set(&name, tokens.map(|option| (option, None)).into())?;
    profiles.save()?;
    // A profile of another name has no such file.
    if let Ok(file) = tokens::place(&name, profiles.file()) {
        tokens::forget(&file)?;
    }
    out.done(&name, &format!("logged out: the access token of profile {name} is forgotten"), json!({}));
    Ok(ExitStatus::Done)
}
