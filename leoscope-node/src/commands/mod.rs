//! What the program does besides being the node, one file per command.

pub(crate) mod doctor;
pub(crate) mod status;

use std::io::{self, Write as _};

use leoscope_core::{Error, Result};
use serde::Serialize;

/// Prints a line of a result.
fn line(text: impl std::fmt::Display) -> Result<()> {
    match writeln!(io::stdout().lock(), "{text}") {
        // Whoever read it has seen enough.
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(|e| Error::while_doing("print", e)),
    }
}

fn json(value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value).map_err(|e| Error::while_doing("print as JSON", e))?;
    line(text)
}
