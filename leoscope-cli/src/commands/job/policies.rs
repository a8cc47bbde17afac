//! The options for what a job wants of its starts beyond the schedule.

use clap::Args;
use leoscope_core::schedule::{Alignment, Overlap, PolicyChange, Zone};
use leoscope_core::time::SignedDuration;
use leoscope_core::{Error, Result};

use crate::cli::duration;

/// The options of `job schedule`, `job plan` and `job modify`.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Policies")]
pub(crate) struct PolicyArgs {
    /// The time zone of the schedule, for example Europe/Berlin [default: UTC]
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<Zone>,
    /// How much later than planned a run may start before it is MISSED [default: 10]
    #[arg(long, value_name = "SECS", value_parser = duration, allow_hyphen_values = true)]
    allowed_lateness: Option<SignedDuration>,
    /// What happens to a run when the one before still goes on: skip or allow [default: skip]
    #[arg(long, value_name = "WAY")]
    overlap: Option<Overlap>,
    /// Move all starts later by up to this much if that avoids a conflict [default: 0]
    #[arg(long, value_name = "SECS", value_parser = duration, allow_hyphen_values = true)]
    slip: Option<SignedDuration>,
    /// Start each run at random up to this much later; the time is reserved [default: 0]
    #[arg(long, value_name = "SECS", value_parser = duration, allow_hyphen_values = true)]
    random_slip: Option<SignedDuration>,
    /// End the job after this many planned runs; 0 for no end
    #[arg(long, value_name = "COUNT")]
    max_runs: Option<u32>,
    /// Start inside Starlink's 15-second slots: slot for their start, slot+3 for 3 seconds later,
    /// none for anywhere; window for a one-time job at the best time between its dates at which its
    /// trigger is expected to hold and its nodes are free
    #[arg(long, value_name = "PLACE", value_parser = str::parse::<Alignment>)]
    align: Option<Alignment>,
    /// Hold a run whose trigger does not hold at its instant until it does, and run what is left of the
    /// length; skip it otherwise [default: skip]
    #[arg(long, value_name = "YES|NO", value_parser = yes, num_args = 0..=1, default_missing_value = "yes")]
    hold: Option<bool>,
    /// How long without a break the trigger must hold before a held run starts [default: 0]
    #[arg(long, value_name = "SECS", value_parser = duration, allow_hyphen_values = true)]
    met_for: Option<SignedDuration>,
    /// How much of the length must be left for a held run to start [default: 1]
    #[arg(long, value_name = "SECS", value_parser = duration, allow_hyphen_values = true)]
    at_least: Option<SignedDuration>,
    /// How long after a run has ended its trigger lets no other start [default: 0]
    #[arg(long, value_name = "SECS", value_parser = duration, allow_hyphen_values = true)]
    cooldown: Option<SignedDuration>,
}

fn yes(text: &str) -> Result<bool> {
    match text {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err(Error::invalid(format!("{text:?} is neither yes nor no"))),
    }
}

impl From<PolicyArgs> for PolicyChange {
    fn from(args: PolicyArgs) -> Self {
        let PolicyArgs {
            time_zone,
            allowed_lateness,
            overlap,
            slip,
            random_slip,
            max_runs,
            align,
            hold,
            met_for,
            at_least,
            cooldown,
        } = args;
        Self {
            time_zone,
            allowed_lateness,
            overlap,
            slip,
            random_slip,
            max_runs,
            align,
            hold,
            met_for,
            at_least,
            cooldown,
        }
    }
}
