//! The command line, the environment and the configuration file.

mod database;
mod elements;
mod limits;
mod results;
#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use leoscope_core::client::DEFAULT_PORT;
use leoscope_core::control::Retention;
use leoscope_core::jwt::{ALGORITHM, JwtKey};
use leoscope_core::model::Secret;
use leoscope_core::{Error, Result};
use leoscope_orchestrator::{CertificateFiles, OrchestratorConfig, Transport};
pub(crate) use leoscope_settings::Env;
use leoscope_settings::{General, Rules, Stop};

use database::DatabaseArgs;
use elements::ElementArgs;
use limits::LimitArgs;
use results::ResultArgs;

/// The secrets that orchestrators of the public testbed start with when they are given none.
const WELL_KNOWN: [&str; 2] = ["leotest-access-token", "jwt-secret"];

const AFTER_HELP: &str = "\
Every option can also be given as an environment variable (--grpc-port as LEOSCOPE_GRPC_PORT) or in
the configuration file (grpc-port = 50051). The command line wins over the environment, the
environment over the file. Flags are true or false there.";

/// Books experiments, hands them to the nodes of the testbed and keeps their results.
///
/// Without a command it serves.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true, after_help = AFTER_HELP, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) serve: ServeArgs,
    #[command(flatten)]
    pub(crate) general: General,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write everything in the database as lines of JSON.
    ///
    /// They hold the hashes of access tokens and the keys in the settings: keep them as you keep
    /// the database.
    Export(ExportArgs),
    /// Take in everything from a backup, another database, or one of the public LEOScope testbed.
    ///
    /// What is here stays. It may be done again, also while the testbed is in use.
    Import(ImportArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// The name or address to listen on; 0.0.0.0 for all of this machine
    #[arg(long, value_name = "HOST", default_value = "127.0.0.1")]
    grpc_hostname: String,

    /// The port to listen on
    #[arg(long, value_name = "PORT", default_value_t = DEFAULT_PORT)]
    grpc_port: u16,

    /// How many threads serve [default: as many as there are processors]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) grpc_workers: Option<u16>,

    #[command(flatten)]
    database: DatabaseArgs,

    /// For how many days after their end runs, their results, jobs, events and the audit trail are
    /// kept [default: for ever]
    #[arg(long, value_name = "DAYS")]
    retention_days: Option<u32>,

    /// The access token of user admin [default: the one in the state directory, made on the first
    /// start]
    #[arg(long, value_name = "TOKEN", value_parser = secret)]
    admin_access_token: Option<Secret>,

    /// A file that holds the access token of user admin
    #[arg(long, value_name = "FILE", conflicts_with = "admin_access_token")]
    admin_access_token_file: Option<PathBuf>,

    /// The secret that the web portal signs its tokens with [default: none, and no tokens of the
    /// portal are taken]
    #[arg(long, value_name = "SECRET", value_parser = secret)]
    jwt_secret: Option<Secret>,

    /// A file that holds that secret
    #[arg(long, value_name = "FILE", conflicts_with = "jwt_secret")]
    jwt_secret_file: Option<PathBuf>,

    /// How the portal signs its tokens: HS256 is all there is
    #[arg(long, value_name = "NAME", default_value = ALGORITHM)]
    jwt_algo: String,

    /// Take secrets that everybody knows, because they are the defaults of the public testbed
    #[arg(long)]
    insecure: bool,

    /// The server's certificate (PEM), with those it was signed by [default: one in the state
    /// directory, made on the first start]; it may be replaced while the orchestrator runs
    #[arg(long, value_name = "FILE")]
    tls_certificate: Option<PathBuf>,

    /// Its private key (PEM)
    #[arg(long, value_name = "FILE")]
    tls_key: Option<PathBuf>,

    /// Do not protect connections: only where a proxy in front of the orchestrator does
    #[arg(long, conflicts_with_all = ["tls_certificate", "tls_key"])]
    plaintext: bool,

    /// The origins of web pages that may call with gRPC-web, for example https://portal.example,
    /// separated by commas
    #[arg(long, value_name = "ORIGIN", value_delimiter = ',')]
    web_origins: Vec<String>,

    /// Where metrics (/metrics) and health (/healthz) are told over HTTP [default: nowhere]
    #[arg(long, value_name = "HOST:PORT")]
    metrics_address: Option<String>,

    #[command(flatten)]
    elements: ElementArgs,

    #[command(flatten)]
    results: ResultArgs,

    #[command(flatten)]
    limits: LimitArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
    /// The file to write, which must not exist yet; '-' for standard output
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub(crate) to: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
    /// A backup file ('-' for standard input), sqlite:PATH, or mongodb://HOST:PORT/NAME, of this
    /// program or of the public LEOScope testbed [env: LEOSCOPE_IMPORT_FROM]
    #[arg(long, value_name = "FILE or LOCATION")]
    pub(crate) from: Option<String>,
    /// Let administrators of the public LEOScope testbed stay administrators; some of those
    /// testbeds make one of everybody who signs up
    #[arg(long)]
    pub(crate) keep_admins: bool,
}

/// What the command line `args` says, with what `env` and the configuration file say besides.
pub(crate) fn parse(args: Vec<OsString>, env: &Env) -> Result<Cli, Stop> {
    // What is taken in, and how far it is trusted, is said each time.
    let rules = Rules { commands_by_hand: &[], options_by_hand: &["config", "from", "keep_admins", "to"] };
    let command = leoscope_settings::layered(Cli::command(), &args, env, rules, |asked, options| {
        General::file(asked, env, options, "grpc-port = 50051")
    })?;
    let matches = command.try_get_matches_from(args)?;
    Ok(Cli::from_arg_matches(&matches)?)
}

impl ServeArgs {
    /// The settings of an orchestrator.
    pub(crate) fn config(self) -> Result<OrchestratorConfig> {
        let Self {
            grpc_hostname,
            grpc_port,
            grpc_workers: _,
            database,
            results,
            retention_days,
            admin_access_token,
            admin_access_token_file,
            jwt_secret,
            jwt_secret_file,
            jwt_algo,
            insecure,
            tls_certificate,
            tls_key,
            plaintext,
            web_origins,
            metrics_address,
            elements,
            limits,
        } = self;
        let admin_token = one_of(admin_access_token, admin_access_token_file, "--admin-access-token-file")?;
        let jwt_secret = one_of(jwt_secret, jwt_secret_file, "--jwt-secret-file")?;
        if jwt_secret.is_some() && jwt_algo != ALGORITHM {
            return Err(Error::invalid(format!("{jwt_algo:?} is no way to sign tokens that is taken here"))
                .hint(format!("let the portal sign with {ALGORITHM}, and leave --jwt-algo out")));
        }
        for (option, secret) in [("--admin-access-token", &admin_token), ("--jwt-secret", &jwt_secret)] {
            let known =
                secret.as_ref().and_then(|secret| WELL_KNOWN.iter().find(|known| secret.expose() == **known));
            if let Some(known) = known {
                if !insecure {
                    return Err(Error::invalid(format!("{option} is {known:?}, which everybody knows"))
                        .hint("choose a secret of your own; --insecure takes it all the same"));
                }
                tracing::warn!(option, "everybody knows this secret and can do everything here");
            }
        }
        let transport = match (plaintext, tls_certificate, tls_key) {
            (true, _, _) => {
                tracing::warn!("connections are not protected: tokens can be read on the way");
                Transport::Plaintext
            }
            (false, Some(certificate), Some(key)) => Transport::OwnTls(CertificateFiles { certificate, key }),
            (false, None, None) => Transport::Tls,
            (false, _, _) => {
                return Err(Error::invalid("a certificate and its key belong together")
                    .hint("give --tls-certificate and --tls-key, or none of them"));
            }
        };
        Ok(OrchestratorConfig {
            weather_forecast: elements.weather_forecast()?,
            elements: elements.config()?,
            host: grpc_hostname,
            port: grpc_port,
            store: database.location()?,
            state_dir: database.state_dir,
            expiry: results.expiry()?,
            links_last: results.links_last(),
            no_blob: results.no_blob,
            artifacts_dir: results.artifacts_dir,
            retention: retention_days.map(Retention::days).transpose()?,
            jwt_key: jwt_secret.map(JwtKey::new).transpose()?,
            transport,
            limits: limits.into(),
            web_origins,
            metrics: metrics_address,
            admin_token,
        })
    }
}

/// Takes any text as a secret.
fn secret(text: &str) -> Result<Secret, Infallible> {
    Ok(Secret::new(text))
}

fn one_of(given: Option<Secret>, file: Option<PathBuf>, option: &str) -> Result<Option<Secret>> {
    match file {
        Some(file) => read(&file, option).map(|text| Some(Secret::new(text))),
        None => Ok(given),
    }
}

/// The text in `file`, without white space around it.
fn read(file: &Path, option: &str) -> Result<String> {
    leoscope_settings::read(file, option).map(|text| text.trim().to_owned())
}
