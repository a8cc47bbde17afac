//! `leoscope trigger backtest`: when a condition would have held.

use std::path::PathBuf;

use clap::Args;
use leoscope_core::Result;
use leoscope_core::model::RunLength;
use leoscope_core::schedule::Zone;
use leoscope_core::time::SignedDuration;
use leoscope_core::trigger::{Assumed, Source, backtest};

use super::{read, recorded};
use crate::cli::{duration, length};
use crate::exit::ExitStatus;
use crate::output::Output;

/// Options of `trigger backtest`.
#[derive(Debug, Args)]
pub(crate) struct Backtest {
    /// The condition, for example 'dish.latency < 40 and not dish.obstructed'
    #[arg(value_name = "CONDITION")]
    text: String,
    /// What was recorded: the bundle of a run, the directory it was unpacked to, or a CSV file with a
    /// column datetimestamp_utc, time, at or timestamp, and columns named as fields or their aliases
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// How long without a break it must have held before a run would have started [default: 0]
    #[arg(long, value_name = "SECS", value_parser = duration, allow_hyphen_values = true)]
    met_for: Option<SignedDuration>,
    /// How long after a run has ended no other would have started [default: 0]
    #[arg(long, value_name = "SECS", value_parser = duration, allow_hyphen_values = true)]
    cooldown: Option<SignedDuration>,
    /// How long each run would have taken, in seconds [default: as long as it holds]
    #[arg(long, value_name = "SECS", value_parser = length, allow_hyphen_values = true)]
    length: Option<RunLength>,
    /// The time zone of the node, for the local time, for example Europe/Berlin [default: UTC]
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<Zone>,
}

pub(super) fn run(options: Backtest, out: &Output) -> Result<ExitStatus> {
    let Backtest { text, files, met_for, cooldown, length, time_zone } = options;
    let trigger = match read(&text, out) {
        Ok(trigger) => trigger,
        Err(status) => return Ok(status),
    };
    let (recording, ignored) = recorded::read(&files, &trigger)?;
    if !ignored.is_empty() {
        let names: Vec<_> = ignored.into_iter().collect();
        out.note(format_args!("columns that are no fields are left out: {}", names.join(", ")));
    }
    let assumed = Assumed {
        met_for: met_for.unwrap_or_default(),
        cooldown: cooldown.unwrap_or_default(),
        length: length.map_or(SignedDuration::ZERO, |length| length.duration()),
    };
    let found = backtest(&trigger, &recording, &time_zone.unwrap_or_default(), assumed)?;
    for key in recording.missing().filter(|key| key.source() != Source::Clock) {
        out.warning(format_args!("nothing is recorded of {key}"));
    }
    out.backtest(&trigger, &found);
    Ok(ExitStatus::Done)
}
