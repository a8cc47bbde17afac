//! The command line of a node, the environment and the configuration file.

mod exec;
#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::ffi::OsString;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};
use leoscope_core::client::{ClientConfig, DEFAULT_PORT, Tls};
use leoscope_core::ids::{NodeId, UserId};
use leoscope_core::model::{ExecutorConfig, Secret};
use leoscope_core::schedule::Zone;
use leoscope_core::time::SignedDuration;
use leoscope_core::{Error, Result};
use leoscope_node::{LauncherChoice, LauncherConfig, NodeConfig, RuntimeChoice, SessionsChoice};
use leoscope_settings::{Env, General, Rules, Stop};

pub(crate) use self::exec::ExecArgs;
use crate::commands::{doctor::DoctorArgs, status::StatusArgs};

/// What is known of the machine beside the command line and the environment.
#[derive(Debug)]
pub(crate) struct Machine {
    /// Its time zone.
    pub(crate) zone: Option<Zone>,
    /// Whether its cron reads its table in UTC.
    pub(crate) cron_reads_utc: bool,
    /// This program.
    pub(crate) program: PathBuf,
}

const AFTER_HELP: &str = "\
Every option can also be given as an environment variable (--grpc-host as LEOSCOPE_GRPC_HOST) or in
the configuration file (grpc-host = \"orchestrator.example.org\"). The command line wins over the
environment, the environment over the file.

Set the access token as LEOSCOPE_ACCESS_TOKEN or in a file: on the command line other users of this
machine can read it.";

/// Runs the experiments of one LEOScope measurement node.
///
/// Without a command it does so until it is stopped.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true, after_help = AFTER_HELP, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) run: RunArgs,
    #[command(flatten)]
    pub(crate) general: General,
}

/// What else the program does.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check everything this node needs, and say what to do about what it lacks.
    Doctor(DoctorArgs),
    /// Show what this node has to do and what it holds; it may be running.
    Status(StatusArgs),
    /// Carry out one run and end; cron and at start this, see --launcher.
    Exec(ExecArgs),
}

/// How results of a command are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// Where the node keeps what it has.
#[derive(Debug, Args)]
pub(crate) struct StateArgs {
    /// Where the node keeps its journal and results
    #[arg(long, value_name = "DIR", default_value = "leoscope-node-state")]
    state_dir: PathBuf,
}

/// Which node this is, and what it works with.
#[derive(Debug, Args)]
pub(crate) struct NodeArgs {
    /// The node's id
    #[arg(long, value_name = "ID")]
    nodeid: Option<NodeId>,
    /// The node's access token
    #[arg(long, value_name = "TOKEN", value_parser = secret)]
    access_token: Option<Secret>,
    /// A file that holds the access token
    #[arg(long, value_name = "FILE", conflicts_with = "access_token")]
    access_token_file: Option<PathBuf>,
    /// The orchestrator's host; several of one testbed separated by commas, each with ':PORT' if it
    /// has another
    #[arg(long, value_name = "HOST", default_value = "localhost")]
    grpc_host: String,
    /// The orchestrator's port
    #[arg(long, value_name = "PORT", default_value_t = DEFAULT_PORT)]
    grpc_port: u16,
    /// The orchestrator's certificate (PEM) [default: the system's authorities]
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    #[command(flatten)]
    state: StateArgs,
    /// The executor config (YAML)
    #[arg(long, value_name = "FILE")]
    executor_config: Option<PathBuf>,
    /// What runs the experiments
    #[arg(long, value_enum, default_value = "auto")]
    pub(crate) runtime: RuntimeChoice,
}

/// What the running node needs besides.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    node: NodeArgs,
    /// The time zone of the place, for example Europe/Berlin [default: that of this machine]
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<Zone>,
    /// Seconds between two looks at the orders where they cannot be pushed
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..))]
    interval: u16,
    /// The IP address at which other nodes reach servers of experiments on this one [default: as the
    /// node's record says]
    #[arg(long, value_name = "IP")]
    address: Option<IpAddr>,
    /// How the node wakes for its runs
    #[arg(long, value_enum, default_value = "timer")]
    launcher: LauncherChoice,
    /// What tells the processes of the node of each other: memory, or memcached://HOST:PORT
    #[arg(long, value_name = "WHERE", default_value = "memory")]
    sessions: SessionsChoice,
}

/// What the command line `args` says, with what `env` and the configuration file say besides.
pub(crate) fn parse(args: Vec<OsString>, env: &Env) -> Result<Cli, Stop> {
    let rules = Rules { commands_by_hand: &[], options_by_hand: &["config"] };
    let command = leoscope_settings::layered(Cli::command(), &args, env, rules, |asked, options| {
        General::file(asked, env, options, "grpc-host = \"orchestrator.example.org\"")
    })?;
    let matches = command.try_get_matches_from(args)?;
    Ok(Cli::from_arg_matches(&matches)?)
}

impl StateArgs {
    /// The state directory; containers need it as an absolute path.
    pub(crate) fn dir(&self) -> Result<PathBuf> {
        std::path::absolute(&self.state_dir)
            .map_err(|e| Error::invalid(format!("state directory {}: {e}", self.state_dir.display())))
    }
}

impl NodeArgs {
    /// The node's id.
    pub(crate) fn id(&self) -> Result<NodeId> {
        self.nodeid.clone().ok_or_else(|| {
            Error::invalid("no node id").hint("give --nodeid, the id under which the node is registered")
        })
    }

    /// The state directory.
    pub(crate) fn dir(&self) -> Result<PathBuf> {
        self.state.dir()
    }

    /// How to reach the orchestrator as this node.
    pub(crate) fn client(&self) -> Result<ClientConfig> {
        let token = match (&self.access_token, &self.access_token_file) {
            (_, Some(file)) => Secret::new(read(file, "--access-token-file")?.trim()),
            (Some(token), None) => token.clone(),
            (None, None) => {
                return Err(Error::invalid("no access token")
                    .hint("set LEOSCOPE_ACCESS_TOKEN or give --access-token-file; 'leoscope node register' shows the token"));
            }
        };
        let tls = match &self.tls_cert {
            Some(file) => Tls::Pem(read(file, "--tls-cert")?.into_bytes()),
            None => Tls::SystemRoots,
        };
        Ok(ClientConfig::new(self.grpc_host.clone(), self.grpc_port, tls, UserId::from(&self.id()?), token))
    }

    /// How experiments are run.
    pub(crate) fn executor(&self) -> Result<ExecutorConfig> {
        match &self.executor_config {
            Some(file) => ExecutorConfig::parse(&read(file, "--executor-config")?),
            None => Ok(ExecutorConfig::default()),
        }
    }
}

impl RunArgs {
    /// The settings of a node on `machine`.
    pub(crate) fn config(self, machine: Machine) -> Result<NodeConfig> {
        let launcher = self.launcher(&machine)?;
        let Self { node, time_zone, interval, address, launcher: _, sessions } = self;
        Ok(NodeConfig {
            node: node.id()?,
            time_zone: time_zone.or(machine.zone),
            client: node.client()?,
            state_dir: node.dir()?,
            executor: node.executor()?,
            runtime: node.runtime,
            interval: SignedDuration::from_secs(interval.into()),
            address,
            launcher,
            sessions,
        })
    }

    /// How the node wakes, with the settings that the processes started by the host need.
    fn launcher(&self, machine: &Machine) -> Result<LauncherConfig> {
        if self.launcher == LauncherChoice::Timer {
            return Ok(LauncherConfig::Timer);
        }
        if self.sessions == SessionsChoice::Memory {
            return Err(Error::invalid("--launcher crontab needs a session store that processes share")
                .hint("give --sessions memcached://HOST:PORT"));
        }
        if self.node.access_token_file.is_none() {
            return Err(Error::invalid("--launcher crontab needs the access token in a file")
                .hint("give --access-token-file: cron and at start processes without this environment"));
        }
        Ok(LauncherConfig::Crontab {
            program: machine.program.clone(),
            settings: exec::settings(self)?,
            reads_utc: machine.cron_reads_utc,
        })
    }
}

/// Takes any text as a secret.
fn secret(text: &str) -> Result<Secret, Infallible> {
    Ok(Secret::new(text))
}

fn read(file: &Path, option: &str) -> Result<String> {
    leoscope_settings::read(file, option)
}
