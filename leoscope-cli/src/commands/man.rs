//! `leoscope man`: the manual pages.

use std::path::PathBuf;

use clap::{Args, CommandFactory as _};
use clap_mangen::Man as Page;
use leoscope_core::{Error, Result};
use serde_json::json;

use crate::cli::Cli;
use crate::exit::ExitStatus;
use crate::output::Output;

/// Options of `man`.
#[derive(Debug, Args)]
pub(crate) struct Man {
    /// Write a page for each command into this directory, instead of printing the first
    #[arg(long)]
    dir: Option<PathBuf>,
}

impl Man {
    pub(crate) fn run(self, out: &Output) -> Result<ExitStatus> {
        let Some(dir) = self.dir else {
            let mut page = Vec::new();
            Page::new(Cli::command())
                .render(&mut page)
                .map_err(|e| Error::while_doing("make the manual page", e))?;
            out.text(&String::from_utf8_lossy(&page));
            return Ok(ExitStatus::Done);
        };
        let fault = |e| Error::while_doing(format!("write the manual pages to {}", dir.display()), e);
        std::fs::create_dir_all(&dir).map_err(fault)?;
        clap_mangen::generate_to(Cli::command(), &dir).map_err(fault)?;
        out.done(&dir.display(), &format!("the manual pages are in {}", dir.display()), json!({}));
        Ok(ExitStatus::Done)
    }
}
