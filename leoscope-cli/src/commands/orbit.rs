//! `leoscope orbit`: what of a constellation is in the sky.

mod passes;
mod place;
mod sky;
mod visible;
mod walker;

use clap::Subcommand;
use leoscope_core::Result;

use crate::connect::Session;
use crate::exit::ExitStatus;
use crate::output::Output;

/// The `orbit` commands.
#[derive(Debug, Subcommand)]
pub(crate) enum OrbitCommand {
    /// List the satellites above the mask, the highest first
    Visible(visible::Visible),
    /// List when satellites pass over
    Passes(passes::Passes),
    /// Show the sky as nodes read it, and a chart of it
    Sky(sky::Sky),
    /// Write the orbital elements of a constellation that does not exist
    Walker(walker::WalkerArgs),
}

/// Runs an `orbit` command.
pub(crate) async fn run(command: OrbitCommand, session: &Session, out: &Output) -> Result<ExitStatus> {
    match command {
        OrbitCommand::Visible(visible) => visible::run(visible, session, out).await,
        OrbitCommand::Passes(passes) => passes::run(passes, session, out).await,
        OrbitCommand::Sky(sky) => sky::run(sky, session, out).await,
        OrbitCommand::Walker(walker) => walker::run(&walker, out),
    }
}
