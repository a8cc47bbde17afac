//! From the command line to its exit status.

use std::ffi::OsString;
use std::time::Duration;

use clap::{CommandFactory as _, FromArgMatches as _};
use leoscope_core::{Error, Result};
use leoscope_settings::{Env, Stop, state_home};

use crate::cli::{Cli, Command, Globals};
use crate::commands::{config, doctor, job, login, node, orbit, profile, run, services, trigger, user};
use crate::connect::Session;
use crate::exit::ExitStatus;
use crate::legacy;
use crate::output::{self, Output, Paint, Style, Typed};
use crate::settings;
use crate::suggest;

/// Runs the command line `args` (the program's name first) in the environment `env`.
pub(crate) fn run(args: Vec<OsString>, env: &Env) -> ExitStatus {
    let cli = match parse(args.clone(), env) {
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
    let Globals { output: format, quiet, fields, watch, .. } = &cli.global;
    let typed = Typed::new(&args);
    let colours = Paint::is_welcome(env);
    let out = Output::new(Style { format: *format, quiet: *quiet, fields: fields.clone(), typed, colours });
    let outcome = match *watch {
        None => execute(async || helped(cli, &args, env, &out).await),
        Some(secs) => execute(async || again(cli, args, env, &out, Duration::from_secs(secs.into())).await),
    };
    let outcome = outcome.and_then(|status| out.fault().map_or(Ok(status), Err));
    outcome.unwrap_or_else(|error| {
        output::error(&error);
        error.kind().into()
    })
}

/// Runs a command that lists, again and again, until it fails for good.
async fn again(
    mut cli: Cli,
    args: Vec<OsString>,
    env: &Env,
    out: &Output,
    every: Duration,
) -> Result<ExitStatus> {
    if !cli.command.is_listing() {
        return Err(Error::invalid("--watch repeats commands that list, which this is not")
            .hint("leave it out, or see 'leoscope run watch'"));
    }
    loop {
        out.begin_again();
        match helped(cli, &args, env, out).await {
            Err(error) if error.kind().is_transient() => out.failure(&error),
            outcome => {
                let status = outcome?;
                if let Some(fault) = out.fault() {
                    return Err(fault);
                }
                if status != ExitStatus::Done || out.is_unread() {
                    return Ok(status);
                }
            }
        }
        tokio::time::sleep(every).await;
        cli = match parse(args.clone(), env) {
            Ok(cli) => cli,
            Err(Stop::Error(error)) => return Err(error),
            // It was right before.
            Err(Stop::Clap(_)) => return Ok(ExitStatus::Usage),
        };
    }
}

fn parse(args: Vec<OsString>, env: &Env) -> Result<Cli, Stop> {
    let command = Cli::command();
    let args = legacy::rewrite(args, &command);
    let read = |command: clap::Command, args: Vec<OsString>| -> Result<Cli, Stop> {
        Ok(Cli::from_arg_matches(&command.try_get_matches_from(args)?)?)
    };
    match settings::layered(command.clone(), &args, env) {
        Ok(command) => read(command, args),
        Err(fault) => match read(command, args) {
            Ok(cli) if cli.command.helps_with_settings() => Ok(Cli { fault: Some(fault), ..cli }),
            _ => Err(fault.into()),
        },
    }
}

fn execute(command: impl AsyncFnOnce() -> Result<ExitStatus>) -> Result<ExitStatus> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Error::while_doing("start the runtime", e))?;
    let status = runtime.block_on(command());
    // A connection that will not close must not hold up the shell.
    runtime.shutdown_background();
    status
}

/// Runs a command; where it names something that is not there, names like it are part of the error.
async fn helped(cli: Cli, args: &[OsString], env: &Env, out: &Output) -> Result<ExitStatus> {
    let session = Session::new(cli.global.connection.clone(), env);
    match dispatch(cli, env, out).await {
        Err(error) => Err(suggest::near(error, args, &session).await),
        done => done,
    }
}

async fn dispatch(Cli { global, command, fault }: Cli, env: &Env, out: &Output) -> Result<ExitStatus> {
    let session = |global: Globals| Session::new(global.connection, env);
    match command {
        Command::Login(command) => command.run(global.connection, env, out).await,
        Command::Logout => login::log_out(global.connection, env, out),
        Command::Profile(command) => profile::run(command, global.connection, env, out),
        Command::Doctor => doctor::run(global.connection, fault.as_ref(), env, out).await,
        Command::Completions(command) => command.run(out),
        Command::Man(command) => command.run(out),
        Command::Demo(command) => command.run(out).await.map(|()| ExitStatus::Done),
        Command::Dev(command) => {
            let usual = state_home(env).map(|home| home.join("leoscope"));
            command.run(usual, global.connection.grpc_port, out).await.map(|()| ExitStatus::Done)
        }
        Command::Probe(command) => command.run(out).map(|()| ExitStatus::Done),
        Command::User(command) => user::run(command, &session(global), out).await,
        Command::Node(command) => node::run(command, &session(global), out).await,
        Command::Job(command) => job::run(command, &session(global), out).await,
        Command::Run(command) => run::run(command, &session(global), out).await,
        Command::Orbit(command) => orbit::run(command, &session(global), out).await,
        Command::Trigger(command) => trigger::run(command, &session(global), out).await,
        Command::Services(command) => services::run(command, &session(global), out).await,
        Command::Audit(command) => command.run(&session(global), out).await,
        Command::Config(command) => config::run(command, &session(global), out).await,
    }
}
