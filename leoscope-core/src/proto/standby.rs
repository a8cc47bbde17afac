//! Times in which a node does not take experiments.

use super::{given, unary};
use crate::error::{Error, Result};
use crate::model::{Standby, StandbyKind, Standbys};
use crate::time::Timestamp;

impl From<Standby> for unary::Standby {
    fn from(standby: Standby) -> Self {
        let Standby { kind, reason, until } = standby;
        Self {
            drain: kind == StandbyKind::Drain,
            reason: reason.unwrap_or_default(),
            until_us: until.map(Timestamp::as_microsecond),
        }
    }
}

impl TryFrom<unary::Standby> for Standby {
    type Error = Error;
    fn try_from(standby: unary::Standby) -> Result<Self> {
        let unary::Standby { drain, reason, until_us } = standby;
        let instant = |us| {
            Timestamp::from_microsecond(us)
                .map_err(|_| Error::invalid(format!("until_us {us} is beyond all times")))
        };
        Ok(Self {
            kind: if drain { StandbyKind::Drain } else { StandbyKind::Scavenger },
            reason: given(&reason).map(str::to_owned),
            until: until_us.map(instant).transpose()?,
        })
    }
}

/// What a message says that has a flag for scavenger mode, and maybe more.
pub(super) fn standbys(
    flag: bool,
    by_person: Option<unary::Standby>,
    by_host: Option<unary::Standby>,
) -> Result<Standbys> {
    let read = |standby: Option<unary::Standby>| standby.map(Standby::try_from).transpose();
    // The flag is set for either.
    let by_person_alone = flag && by_host.is_none();
    Ok(Standbys::read(by_person_alone, read(by_person)?, read(by_host)?))
}

impl From<Option<Standby>> for unary::GetScavengerStatusResponse {
    /// Existing executors cannot read an answer that says "off", so then nothing is found. A node
    /// that drains finishes what runs, which they would stop: to them it is off as well.
    fn from(standby: Option<Standby>) -> Self {
        let active = standby.as_ref().is_some_and(Standby::is_scavenger);
        Self { found: active, scavenger_mode_active: active, error: None, standby: standby.map(Into::into) }
    }
}

impl TryFrom<unary::GetScavengerStatusResponse> for Option<Standby> {
    type Error = Error;
    fn try_from(answer: unary::GetScavengerStatusResponse) -> Result<Self> {
        let unary::GetScavengerStatusResponse { found, scavenger_mode_active, error: _, standby } = answer;
        Ok(standbys(found && scavenger_mode_active, standby, None)?.by_person)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::parse_time;

    #[test]
    fn a_standby_comes_back_as_it_went_and_only_scavenger_mode_is_found_by_existing_programs() {
        let until = Some(parse_time("2026-12-01T12:00:00.000001").expect("time"));
        let pause = Standby { kind: StandbyKind::Scavenger, reason: Some("a call".into()), until };
        let drain = Standby { kind: StandbyKind::Drain, ..pause.clone() };
        for (standby, found) in
            [(None, false), (Some(Standby::SCAVENGER), true), (Some(pause), true), (Some(drain), false)]
        {
            let answer = unary::GetScavengerStatusResponse::from(standby.clone());
            assert_eq!((answer.found, answer.scavenger_mode_active), (found, found));
            assert_eq!(Option::<Standby>::try_from(answer).expect("answer"), standby);
        }
        let plain = unary::GetScavengerStatusResponse {
            found: true,
            scavenger_mode_active: true,
            ..Default::default()
        };
        assert_eq!(Option::<Standby>::try_from(plain).expect("answer"), Some(Standby::SCAVENGER));
        let never = unary::Standby { until_us: Some(i64::MAX), ..Default::default() };
        assert_eq!(
            Standby::try_from(never).expect_err("beyond").to_string(),
            "until_us 9223372036854775807 is beyond all times"
        );
    }
}
