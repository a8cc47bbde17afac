//! `leoscope trigger check`: whether a text is a condition, and what it names.

use clap::Args;

use super::read;
use crate::exit::ExitStatus;
use crate::output::Output;

/// Options of `trigger check`.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The condition, for example 'dish.latency < 40 and not dish.obstructed'
    #[arg(value_name = "CONDITION")]
    text: String,
}

pub(super) fn run(Check { text }: &Check, out: &Output) -> ExitStatus {
    match read(text, out) {
        Ok(trigger) => {
            out.checked(&trigger);
            ExitStatus::Done
        }
        Err(status) => status,
    }
}
