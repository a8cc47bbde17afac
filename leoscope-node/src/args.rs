//! The command line of a node.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};
use leoscope_core::client::{ClientConfig, Tls};
use leoscope_core::ids::{NodeId, UserId};
use leoscope_core::model::{ExecutorConfig, Secret};
use leoscope_core::schedule::Zone;
use leoscope_core::time::SignedDuration;
use leoscope_core::{Error, Result};
use leoscope_node::{LauncherChoice, LauncherConfig, NodeConfig, RuntimeChoice, SessionsChoice};

mod exec;

pub(crate) use exec::ExecArgs;

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

/// What to do instead of running the node.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Carries out one run and ends; cron and at start it, see --launcher.
    Exec(ExecArgs),
}

/// Runs the experiments of one LEOScope measurement node.
#[derive(Debug, Parser)]
#[command(
    version,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "Set the access token as LEOSCOPE_ACCESS_TOKEN or in a file: on the command line other users of this machine can read it."
)]
pub(crate) struct Args {
    /// The node's id.
    #[arg(long, required = true)]
    nodeid: Option<String>,
    /// The node's access token.
    #[arg(long)]
    access_token: Option<String>,
    /// A file that holds the access token.
    #[arg(long)]
    access_token_file: Option<PathBuf>,
    /// The orchestrator's host; several of one testbed separated by commas, each with ':PORT' if it
    /// has another.
    #[arg(long, default_value = "localhost")]
    grpc_host: String,
    /// The orchestrator's port.
    #[arg(long, default_value_t = 50051)]
    grpc_port: u16,
    /// The orchestrator's certificate (PEM); the system's authorities when left out.
    #[arg(long)]
    tls_cert: Option<PathBuf>,
    /// Where the node keeps its journal and results.
    #[arg(long, default_value = "leoscope-node-state")]
    state_dir: PathBuf,
    /// The executor config (YAML).
    #[arg(long)]
    executor_config: Option<PathBuf>,
    /// The time zone of the place, for example Europe/Berlin [default: that of this machine].
    #[arg(long)]
    time_zone: Option<Zone>,
    /// What runs the experiments.
    #[arg(long, value_enum, default_value = "auto")]
    runtime: RuntimeChoice,
    /// Seconds between two looks at the orders where they cannot be pushed.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..))]
    interval: u16,
    /// How the node wakes for its runs.
    #[arg(long, value_enum, default_value = "timer")]
    launcher: LauncherChoice,
    /// What tells the processes of the node of each other: memory, or memcached://HOST:PORT.
    #[arg(long, default_value = "memory")]
    sessions: SessionsChoice,
    /// Does something else than run the node.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

impl Args {
    /// The settings these arguments and the environment give, on a machine in `here`.
    pub(crate) fn resolve(self, env: &BTreeMap<String, String>, machine: Machine) -> Result<NodeConfig> {
        let node = NodeId::parse(self.nodeid.as_deref().unwrap_or_default())?;
        let launcher = self.launcher(&machine)?;
        let token = match (self.access_token, self.access_token_file, env.get("LEOSCOPE_ACCESS_TOKEN")) {
            (Some(token), _, _) => token,
            (None, Some(file), _) => read(&file)?.trim().to_owned(),
            (None, None, Some(token)) => token.clone(),
            (None, None, None) => {
                return Err(Error::invalid("no access token")
                    .hint("set LEOSCOPE_ACCESS_TOKEN or give --access-token-file; 'leoscope node register' shows the token"));
            }
        };
        let tls = match self.tls_cert {
            Some(file) => Tls::Pem(read(&file)?.into_bytes()),
            None => Tls::SystemRoots,
        };
        let executor = match self.executor_config {
            Some(file) => ExecutorConfig::parse(&read(&file)?)?,
            None => ExecutorConfig::default(),
        };
        let client = ClientConfig {
            host: self.grpc_host,
            port: self.grpc_port,
            tls,
            user: UserId::from(&node),
            token: Secret::new(token),
            timeout: Duration::from_secs(5),
        };
        Ok(NodeConfig {
            node,
            time_zone: self.time_zone.or(machine.zone),
            client,
            // Containers need the results directory as an absolute path.
            state_dir: std::path::absolute(&self.state_dir)
                .map_err(|e| Error::invalid(format!("state directory {}: {e}", self.state_dir.display())))?,
            executor,
            runtime: self.runtime,
            interval: SignedDuration::from_secs(self.interval.into()),
            launcher,
            sessions: self.sessions,
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
        let (None, Some(_)) = (&self.access_token, &self.access_token_file) else {
            return Err(Error::invalid("--launcher crontab needs the access token in a file")
                .hint("give --access-token-file: cron and at start processes without this environment"));
        };
        Ok(LauncherConfig::Crontab {
            program: machine.program.clone(),
            settings: exec::settings(self)?,
            reads_utc: machine.cron_reads_utc,
        })
    }
}

fn read(file: &PathBuf) -> Result<String> {
    std::fs::read_to_string(file).map_err(|e| {
        Error::invalid(format!("cannot read {}: {e}", file.display()))
            .hint("check the path and its permissions")
    })
}
