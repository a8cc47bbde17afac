//! `leoscope completions`: what makes a shell complete command lines.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;
use leoscope_core::Result;

use crate::cli::Cli;
use crate::exit::ExitStatus;
use crate::output::Output;

/// Options of `completions`.
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(&self, out: &Output) -> Result<ExitStatus> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "leoscope", &mut script);
        out.text(&String::from_utf8_lossy(&script));
        Ok(ExitStatus::Done)
    }
}
