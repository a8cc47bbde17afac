//! The command line of a process that carries out one run.

use std::path::{Path, PathBuf};

use clap::{Parser as _, ValueEnum as _};
use leoscope_core::ids::{JobId, NodeId, RunId};
use leoscope_core::model::RunLength;
use leoscope_core::time::{Window, parse_time};
use leoscope_core::{Error, Result};
use leoscope_node::{ExecRequest, NodeConfig, SessionsChoice};

use super::{Cli, Machine, NodeArgs, RunArgs, StateArgs};

/// What stands for the next run of the job.
const NEXT: &str = "auto";

/// The run to carry out.
#[derive(Debug, clap::Args)]
pub(crate) struct ExecArgs {
    /// The file with the node's settings, exec.toml in its state directory.
    #[arg(long, default_value = "leoscope-node-state/exec.toml")]
    settings: PathBuf,
    /// The node's id.
    #[arg(long)]
    nodeid: NodeId,
    /// The job.
    #[arg(long)]
    jobid: JobId,
    /// The run, or 'auto' for the next one of the job.
    #[arg(long, default_value = NEXT)]
    runid: String,
    /// Not before this instant (UTC) the run begins.
    #[arg(long)]
    start_date: String,
    /// Before this instant (UTC) the run begins.
    #[arg(long)]
    end_date: String,
    /// The length of the run in seconds.
    #[arg(long)]
    length_secs: i64,
}

impl ExecArgs {
    /// The node's settings, and what is to be carried out.
    pub(crate) fn resolve(self, machine: Machine) -> Result<(NodeConfig, ExecRequest)> {
        let Self { settings, nodeid, jobid, runid, start_date, end_date, length_secs } = self;
        let request = ExecRequest {
            job: jobid,
            run: if runid == NEXT { None } else { Some(RunId::parse(&runid)?) },
            range: Window::new(parse_time(&start_date)?, parse_time(&end_date)?)?,
            length: RunLength::from_secs(length_secs)?,
        };
        let origin = settings.display().to_string();
        let table = leoscope_settings::parse(&origin, &leoscope_settings::read(&settings, "--settings")?)?;
        let mut words = vec!["leoscope-node".to_owned(), format!("--nodeid={nodeid}")];
        for (option, value) in table {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            words.push(format!("--{option}={value}"));
        }
        let cli = Cli::try_parse_from(words)
            .map_err(|e| Error::invalid(format!("{origin}: {}", e.to_string().trim())))?;
        Ok((cli.run.config(machine)?, request))
    }
}

/// The settings of `args` for processes that the host starts, which know neither the environment
/// nor the directory of this one. Secrets stand in the files they name.
pub(super) fn settings(args: &RunArgs) -> Result<String> {
    let RunArgs {
        node,
        time_zone: _,
        interval,
        address,
        // Only the node's own process arranges starts.
        launcher: _,
        sessions,
    } = args;
    let NodeArgs {
        nodeid: _,
        access_token: _,
        access_token_file,
        grpc_host,
        grpc_port,
        tls_cert,
        state: StateArgs { state_dir },
        executor_config,
        runtime,
    } = node;
    let mut table = toml::Table::new();
    let mut set = |option: &str, value: toml::Value| table.insert(option.to_owned(), value);
    set("grpc-host", grpc_host.clone().into());
    set("grpc-port", i64::from(*grpc_port).into());
    set("state-dir", absolute(state_dir)?.into());
    set("interval", i64::from(*interval).into());
    if let Some(address) = address {
        set("address", address.to_string().into());
    }
    if let Some(runtime) = runtime.to_possible_value() {
        set("runtime", runtime.get_name().into());
    }
    if let SessionsChoice::Memcached(location) = sessions {
        set("sessions", location.as_str().into());
    }
    let files = [
        ("access-token-file", access_token_file),
        ("tls-cert", tls_cert),
        ("executor-config", executor_config),
    ];
    for (option, file) in files {
        if let Some(file) = file {
            set(option, absolute(file)?.into());
        }
    }
    Ok(format!("# Written by the node at its start, for the processes that cron and at start.\n{table}"))
}

fn absolute(path: &Path) -> Result<String> {
    let absolute = std::path::absolute(path).ok().and_then(|path| path.to_str().map(str::to_owned));
    absolute.ok_or_else(|| Error::invalid(format!("path {} cannot be written down", path.display())))
}

#[cfg(test)]
mod tests {
    use leoscope_core::client::Proof;
    use leoscope_core::model::Secret;

    use super::*;

    fn machine() -> Machine {
        Machine { zone: None, cron_reads_utc: true, program: "/usr/bin/leoscope-node".into() }
    }

    fn node(more: &[&str]) -> Result<NodeConfig> {
        let words = ["leoscope-node", "--nodeid=n", "--launcher=crontab"];
        Cli::try_parse_from(words.iter().chain(more)).expect("arguments").run.config(machine())
    }

    #[test]
    fn a_crontab_needs_what_other_processes_can_read() {
        let error = node(&["--access-token-file=t"]).expect_err("memory");
        assert_eq!(error.what_to_do(), Some("give --sessions memcached://HOST:PORT"));
        let error = node(&["--sessions=memcached://127.0.0.1:11211"]).expect_err("the environment's token");
        assert!(error.message().contains("in a file"), "{error}");
    }

    #[test]
    fn a_process_of_the_host_gets_the_settings_of_its_node_and_no_secret() {
        let dir = std::env::temp_dir().join(format!("leoscope-exec-{}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("directory");
        let token = dir.join("it's a token");
        std::fs::write(&token, "secret\n").expect("token");
        let config = node(&[
            "--sessions=memcached://127.0.0.1:11211",
            "--grpc-host=a,b:1",
            "--runtime=process",
            &format!("--access-token-file={}", token.display()),
            &format!("--state-dir={}", dir.display()),
        ])
        .expect("settings");
        let leoscope_node::LauncherConfig::Crontab { settings, .. } = &config.launcher else {
            panic!("no crontab")
        };
        assert!(!settings.contains("secret"), "{settings}");
        let file = dir.join("exec.toml");
        std::fs::write(&file, settings).expect("settings");
        let words = [
            "leoscope-node",
            "exec",
            &format!("--settings={}", file.display()),
            "--nodeid=n",
            "--jobid=j",
            "--start-date=2026-12-01T00:00:00",
            "--end-date=2026-12-02T00:00:00",
            "--length-secs=60",
        ];
        let Some(super::super::Command::Exec(exec)) = Cli::try_parse_from(words).expect("arguments").command
        else {
            panic!("no command")
        };
        let (found, request) = exec.resolve(machine()).expect("settings");
        assert_eq!(request.run, None);
        assert_eq!(found.node, config.node);
        assert_eq!((found.state_dir, found.runtime), (config.state_dir, config.runtime));
        assert_eq!((found.sessions, found.interval), (config.sessions, config.interval));
        assert_eq!((found.client.host, found.client.port), (config.client.host, config.client.port));
        let user = "n".parse().expect("id");
        assert_eq!(found.client.proof, Proof::Token { user, token: Secret::new("secret") });
        assert!(matches!(found.launcher, leoscope_node::LauncherConfig::Timer));
        std::fs::remove_dir_all(dir).expect("remove");
    }
}
