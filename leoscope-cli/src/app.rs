//! From the command line to its exit status.

use std::ffi::OsString;

use clap::{CommandFactory as _, FromArgMatches as _};
use leoscope_core::{Error, Result};
use leoscope_settings::Stop;

use crate::cli::{Cli, Command, Globals};
use crate::commands::{config, job, node, orbit, run, trigger, user};
use crate::connect::Session;
use crate::exit::ExitStatus;
use crate::legacy;
use crate::output::{self, Output};
use crate::settings::{self, Env};

/// Runs the command line `args` (the program's name first) in the environment `env`.
pub(crate) fn run(args: Vec<OsString>, env: &Env) -> ExitStatus {
    let cli = match parse(args, env) {
        Ok(cli) => cli,
        Err(Stop::Clap(answer)) => {
            let status = if answer.use_stderr() { ExitStatus::Usage } else { ExitStatus::Done };
            output::clap(&answer);
            return status;
        }
        Err(Stop::Error(error)) => {
            output::error(&error);
            return error.kind().into();
        }
    };
    let out = Output::new(cli.global.output, cli.global.quiet);
    execute(cli, env, &out).unwrap_or_else(|error| {
        output::error(&error);
        error.kind().into()
    })
}

fn parse(args: Vec<OsString>, env: &Env) -> Result<Cli, Stop> {
    let command = Cli::command();
    let args = legacy::rewrite(args, &command);
    let command = settings::layered(command, &args, env)?;
    let matches = command.try_get_matches_from(args)?;
    Ok(Cli::from_arg_matches(&matches)?)
}

fn execute(cli: Cli, env: &Env, out: &Output) -> Result<ExitStatus> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Error::while_doing("start the runtime", e))?;
    let status = runtime.block_on(dispatch(cli, env, out));
    // A connection that will not close must not hold up the shell.
    runtime.shutdown_background();
    status
}

async fn dispatch(Cli { global, command }: Cli, env: &Env, out: &Output) -> Result<ExitStatus> {
    let session = |global: Globals| Session::new(global, env);
    match command {
        Command::Demo(command) => command.run(out).await.map(|()| ExitStatus::Done),
        Command::Dev(command) => {
            let usual = settings::state_home(env).map(|home| home.join("leoscope"));
            command.run(usual, global.grpc_port, out).await.map(|()| ExitStatus::Done)
        }
        Command::Probe(command) => command.run(out).map(|()| ExitStatus::Done),
        Command::User(command) => user::run(command, &session(global), out).await,
        Command::Node(command) => node::run(command, &session(global), out).await,
        Command::Job(command) => job::run(command, &session(global), out).await,
        Command::Run(command) => run::run(command, &session(global), out).await,
        Command::Orbit(command) => orbit::run(command, &session(global), out).await,
        Command::Trigger(command) => trigger::run(command, &session(global), out).await,
        Command::Audit(command) => command.run(&session(global), out).await,
        Command::Config(command) => config::run(command, &session(global), out).await,
    }
}
