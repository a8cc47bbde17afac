//! `leoscope dev`: the local testbed, staying up.

use std::path::PathBuf;

use clap::Args;
use leoscope_core::{Error, Result};
use leoscope_testbed::{RESEARCHER, RuntimeChoice, SEATTLE, Testbed, TestbedConfig};

use super::probe::this_program;
use crate::output::Output;

/// Run a whole testbed on this machine until Ctrl-C.
#[derive(Debug, Args)]
pub(crate) struct Dev {
    /// Where it keeps its state, to go on from at the next start.
    #[arg(long)]
    state_dir: Option<PathBuf>,
    /// What runs the experiments.
    #[arg(long, value_enum, default_value = "auto")]
    runtime: RuntimeChoice,
}

impl Dev {
    /// Runs on `port`; the state is in the directory `usual` unless another was chosen.
    pub(crate) async fn run(&self, usual: Option<PathBuf>, port: u16, output: &Output) -> Result<()> {
        let dir = self.state_dir.clone().or(usual).ok_or_else(|| {
            Error::invalid("no directory for the testbed's state is known").hint("give --state-dir")
        })?;
        let dir = std::path::absolute(&dir)
            .map_err(|e| Error::invalid(format!("state directory {}: {e}", dir.display())))?;
        let setup = TestbedConfig { port, runtime: self.runtime, ..TestbedConfig::new(&dir) };
        let mut testbed = Testbed::start(setup).await?;
        let config = dir.join("experiment-config.yaml");
        if !config.exists() {
            std::fs::write(&config, testbed.latency_experiment(5, &this_program()?).await?)
                .map_err(|e| Error::while_doing(format!("write {}", config.display()), e))?;
        }
        let runtime = &testbed.runtime;
        output.note(format_args!(
            "testbed is up on localhost:{} · node {SEATTLE} · runtime {} {} · state in {}",
            testbed.port,
            runtime.name,
            runtime.version,
            dir.display()
        ));
        output.note("in another terminal:");
        output.line(format_args!("export LEOSCOPE_USERID={RESEARCHER}"));
        let token = testbed.researcher_token.display();
        output.line(format_args!("export LEOSCOPE_ACCESS_TOKEN_FILE={token}"));
        output.line(format_args!("export LEOSCOPE_GRPC_PORT={}", testbed.port));
        output.line(format_args!("export LEOSCOPE_TLS_CERT={}", testbed.certificate.display()));
        output.line("leoscope node get");
        output.line(format_args!(
            "leoscope job schedule --nodeid={SEATTLE} --jobid=exp-001 --exp-config={} --schedule='* * * * *' \
             --start-date=now --end-date=+1h --length=10",
            config.display()
        ));
        output.line("leoscope run wait --jobid=exp-001");
        output.line("leoscope run download --jobid=exp-001 --local-path=./results");
        output.note(format_args!(
            "as administrator: --userid=admin, its token is in {}",
            testbed.admin_token.display()
        ));
        output.note("Ctrl-C stops the testbed; what runs then is taken up at the next start");
        testbed
            .run_while(async {
                tokio::signal::ctrl_c().await.map_err(|e| Error::while_doing("wait for Ctrl-C", e))
            })
            .await?;
        testbed.stop().await
    }
}
