//! The options for what a job wants of its starts beyond the schedule.

use std::num::NonZeroU32;

use clap::Args;
use leoscope_core::schedule::{Hold, Overlap, Policies, SlotOffset, Zone};
use leoscope_core::time::SignedDuration;
use leoscope_core::{Error, Result};

use crate::cli::duration;

/// Where starts lie.
#[derive(Debug, Clone, Copy)]
enum Alignment {
    Anywhere,
    /// Inside slots.
    Slot(SlotOffset),
    /// At the best time at which the trigger is expected to hold.
    Window,
}

fn alignment(text: &str) -> Result<Alignment> {
    match text {
        "none" => Ok(Alignment::Anywhere),
        "window" => Ok(Alignment::Window),
        _ => text.parse().map(Alignment::Slot),
    }
}

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
    #[arg(long, value_name = "PLACE", value_parser = alignment)]
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

impl PolicyArgs {
    /// Whether none is given.
    pub(super) fn is_empty(&self) -> bool {
        let Self {
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
        } = self;
        time_zone.is_none()
            && allowed_lateness.is_none()
            && overlap.is_none()
            && slip.is_none()
            && random_slip.is_none()
            && max_runs.is_none()
            && align.is_none()
            && hold.is_none()
            && met_for.is_none()
            && at_least.is_none()
            && cooldown.is_none()
    }

    /// `policies` with those that are given.
    pub(super) fn over(self, policies: Policies) -> Policies {
        let Self {
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
        } = self;
        // Who says how to hold wants runs held.
        let held = hold.unwrap_or(policies.hold.is_some() || met_for.is_some() || at_least.is_some());
        let before = policies.hold.unwrap_or_default();
        let hold = held.then(|| Hold {
            met_for: met_for.unwrap_or(before.met_for),
            at_least: at_least.unwrap_or(before.at_least),
        });
        let (align, at_window) = match align {
            None => (policies.align, policies.at_window),
            Some(Alignment::Anywhere) => (None, false),
            Some(Alignment::Slot(place)) => (Some(place), false),
            Some(Alignment::Window) => (None, true),
        };
        Policies {
            time_zone: time_zone.unwrap_or(policies.time_zone),
            allowed_lateness: allowed_lateness.unwrap_or(policies.allowed_lateness),
            overlap: overlap.unwrap_or(policies.overlap),
            slip: slip.unwrap_or(policies.slip),
            random_slip: random_slip.unwrap_or(policies.random_slip),
            max_runs: max_runs.map_or(policies.max_runs, NonZeroU32::new),
            align,
            hold,
            cooldown: cooldown.unwrap_or(policies.cooldown),
            at_window,
        }
    }
}
