//! What a job wants of its starts.

use std::num::NonZeroU32;

use super::{given, unary};
use crate::error::{Error, Result};
use crate::schedule::{Hold, Overlap, Policies, SlotOffset, Zone};
use crate::time::SignedDuration;

/// A duration in microseconds; those of the testbed fit by far.
pub(super) fn duration_to_wire(duration: SignedDuration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

impl From<Policies> for unary::Policies {
    fn from(policies: Policies) -> Self {
        let Policies {
            time_zone,
            allowed_lateness,
            overlap,
            slip,
            random_slip,
            max_runs,
            align,
            hold,
            cooldown,
            at_window,
        } = policies;
        Self {
            time_zone: if time_zone.is_utc() { String::new() } else { time_zone.into() },
            allowed_lateness_us: Some(duration_to_wire(allowed_lateness)),
            overlap: overlap.name().to_owned(),
            slip_us: duration_to_wire(slip),
            random_slip_us: duration_to_wire(random_slip),
            max_runs: max_runs.map_or(0, NonZeroU32::get),
            align_us: align.map(|align| duration_to_wire(align.after_start())),
            hold: hold.map(|Hold { met_for, at_least }| unary::Hold {
                met_for_us: duration_to_wire(met_for),
                at_least_us: duration_to_wire(at_least),
            }),
            cooldown_us: duration_to_wire(cooldown),
            at_window,
        }
    }
}

impl TryFrom<Option<unary::Policies>> for Policies {
    type Error = Error;
    fn try_from(policies: Option<unary::Policies>) -> Result<Self> {
        let Some(policies) = policies else { return Ok(Self::default()) };
        let unary::Policies {
            time_zone,
            allowed_lateness_us,
            overlap,
            slip_us,
            random_slip_us,
            max_runs,
            align_us,
            hold,
            cooldown_us,
            at_window,
        } = policies;
        let usual = Self::default();
        Ok(Self {
            time_zone: given(&time_zone).map_or(Ok(usual.time_zone), Zone::parse)?,
            allowed_lateness: allowed_lateness_us.map_or(usual.allowed_lateness, SignedDuration::from_micros),
            overlap: given(&overlap).map_or(Ok(usual.overlap), str::parse::<Overlap>)?,
            slip: SignedDuration::from_micros(slip_us),
            random_slip: SignedDuration::from_micros(random_slip_us),
            max_runs: NonZeroU32::new(max_runs),
            align: align_us.map(|us| SlotOffset::new(SignedDuration::from_micros(us))).transpose()?,
            hold: hold.map(|unary::Hold { met_for_us, at_least_us }| Hold {
                met_for: SignedDuration::from_micros(met_for_us),
                at_least: SignedDuration::from_micros(at_least_us),
            }),
            cooldown: SignedDuration::from_micros(cooldown_us),
            at_window,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_come_back_as_they_went_and_absent_ones_are_the_default() {
        let full = Policies {
            time_zone: Zone::parse("Europe/Berlin").expect("zone"),
            allowed_lateness: SignedDuration::ZERO,
            overlap: Overlap::Allow,
            slip: SignedDuration::from_mins(5),
            random_slip: SignedDuration::from_millis(1),
            max_runs: NonZeroU32::new(3),
            align: "slot+2.5".parse().ok(),
            hold: Some(Hold {
                met_for: SignedDuration::from_secs(5),
                at_least: SignedDuration::from_secs(30),
            }),
            cooldown: SignedDuration::from_mins(10),
            at_window: true,
        };
        for policies in [full, Policies::default()] {
            let wire = unary::Policies::from(policies.clone());
            assert_eq!(Policies::try_from(Some(wire)).expect("policies"), policies);
        }
        assert_eq!(Policies::try_from(None).expect("policies"), Policies::default());
        assert_eq!(
            Policies::try_from(Some(unary::Policies::default())).expect("policies"),
            Policies::default()
        );
        for bad in [
            unary::Policies { time_zone: "Mars".into(), ..Default::default() },
            unary::Policies { overlap: "maybe".into(), ..Default::default() },
            unary::Policies { align_us: Some(-1), ..Default::default() },
        ] {
            assert!(Policies::try_from(Some(bad)).is_err());
        }
    }
}
