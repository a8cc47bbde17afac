//! `leoscope trigger`: write the condition under which runs start.

mod backtest;
mod check;
mod eval;
mod fields;
mod forecast;
mod recorded;
mod watch;

use clap::Subcommand;
use leoscope_core::trigger::Trigger;
use leoscope_core::{Error, ErrorKind, Result};

use crate::connect::Session;
use crate::exit::ExitStatus;
use crate::output::Output;

/// The `trigger` commands.
#[derive(Debug, Subcommand)]
pub(crate) enum TriggerCommand {
    /// Say whether a text is a condition, and what it names
    Check(check::Check),
    /// Evaluate a condition with values that you give
    Eval(eval::Eval),
    /// Evaluate a condition with what a node reads, as it reads it
    Watch(watch::Watch),
    /// Tell from recorded readings when a condition would have held
    Backtest(backtest::Backtest),
    /// Tell when a condition will hold at a node, as far as that can be known
    Forecast(forecast::Forecast),
    /// List the fields that conditions may name, or the newest readings of a node
    Fields(fields::Fields),
}

/// Runs a `trigger` command.
pub(crate) async fn run(command: TriggerCommand, session: &Session, out: &Output) -> Result<ExitStatus> {
    match command {
        TriggerCommand::Check(check) => Ok(check::run(&check, out)),
        TriggerCommand::Eval(eval) => eval::run(eval, out),
        TriggerCommand::Watch(watch) => watch::run(watch, session, out).await,
        TriggerCommand::Backtest(backtest) => backtest::run(backtest, out),
        TriggerCommand::Forecast(forecast) => forecast::run(forecast, session, out).await,
        TriggerCommand::Fields(fields) => fields::run(fields, session, out).await,
    }
}

/// Prints `error`; where it is that a condition is none, with the places of its mistakes.
pub(super) fn failure(error: &Error, condition: Option<&str>, out: &Output) {
    let condition = condition.filter(|condition| !condition.trim().is_empty());
    let condition = condition.filter(|_| error.kind() == ErrorKind::InvalidArgument);
    match condition.map(Trigger::parse) {
        Some(Err(mistakes)) => out.mistakes(&mistakes),
        _ => out.failure(error),
    }
}

/// Reads a condition; what is wrong with it is printed.
fn read(text: &str, out: &Output) -> Result<Trigger, ExitStatus> {
    Trigger::parse(text).map_err(|mistakes| {
        out.mistakes(&mistakes);
        ExitStatus::Usage
    })
}
