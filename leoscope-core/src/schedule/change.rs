//! What somebody says of the policies of a job.

use std::num::NonZeroU32;
use std::str::FromStr;

use jiff::SignedDuration;

use super::{Hold, Overlap, Policies, SlotOffset, Zone};
use crate::error::Error;

/// Where starts lie: `none` for anywhere, `slot` or `slot+3` inside slots, `window` for a time at which the
/// trigger is expected to hold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Alignment {
    /// Anywhere.
    Anywhere,
    /// Inside slots.
    Slot(SlotOffset),
    /// At the best time at which the trigger is expected to hold.
    Window,
}

impl FromStr for Alignment {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "none" => Ok(Self::Anywhere),
            "window" => Ok(Self::Window),
            _ => text.parse().map(Self::Slot),
        }
    }
}

/// What shall be different of policies; `None` leaves a part as it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PolicyChange {
    /// See [`Policies::time_zone`].
    pub time_zone: Option<Zone>,
    /// See [`Policies::allowed_lateness`].
    pub allowed_lateness: Option<SignedDuration>,
    /// See [`Policies::overlap`].
    pub overlap: Option<Overlap>,
    /// See [`Policies::slip`].
    pub slip: Option<SignedDuration>,
    /// See [`Policies::random_slip`].
    pub random_slip: Option<SignedDuration>,
    /// See [`Policies::max_runs`]; 0 for no end.
    pub max_runs: Option<u32>,
    /// See [`Policies::align`] and [`Policies::at_window`].
    pub align: Option<Alignment>,
    /// Whether runs are [held](Policies::hold).
    pub hold: Option<bool>,
    /// See [`Hold::met_for`].
    pub met_for: Option<SignedDuration>,
    /// See [`Hold::at_least`].
    pub at_least: Option<SignedDuration>,
    /// See [`Policies::cooldown`].
    pub cooldown: Option<SignedDuration>,
}

impl PolicyChange {
    /// `policies` with this change made; whether they can be is for [`Policies::check`] to say.
    #[must_use]
    pub fn over(self, policies: Policies) -> Policies {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_stays_and_who_says_how_to_hold_wants_it() {
        let secs = SignedDuration::from_secs;
        let before = Policies { slip: secs(60), max_runs: NonZeroU32::new(3), ..Policies::default() };
        assert_eq!(PolicyChange::default().over(before.clone()), before);
        let held = PolicyChange { met_for: Some(secs(5)), max_runs: Some(0), ..PolicyChange::default() };
        let held = held.over(before.clone());
        let hold = Some(Hold { met_for: secs(5), ..Hold::default() });
        assert_eq!(held, Policies { hold, max_runs: None, ..before });
        let change = PolicyChange { hold: Some(false), ..PolicyChange::default() };
        assert_eq!(change.over(held).hold, None);
    }

    #[test]
    fn starts_lie_in_slots_or_windows_or_anywhere() {
        let over = |text: &str, before: Policies| {
            let align = Some(text.parse().expect(text));
            let after = PolicyChange { align, ..PolicyChange::default() }.over(before);
            (after.align.map(|place| place.to_string()), after.at_window)
        };
        let (slot, window) = (Some("slot+3".to_owned()), Policies { at_window: true, ..Policies::default() });
        assert_eq!(over("slot+3", window.clone()), (slot, false));
        assert_eq!(over("window", Policies::default()), (None, true));
        assert_eq!(over("none", window), (None, false));
        assert!("sometimes".parse::<Alignment>().is_err());
    }
}
