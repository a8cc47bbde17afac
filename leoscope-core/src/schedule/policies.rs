//! What a job wants of its starts beyond the schedule itself.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::Zone;
use crate::error::Error;

/// How much later than planned a run may start unless the job says otherwise.
pub const ALLOWED_LATENESS: SignedDuration = SignedDuration::from_secs(10);

/// How much later than its planned instant a run still begins at it: no clock is looked at at the very
/// instant.
pub const PUNCTUAL: SignedDuration = SignedDuration::from_secs(1);

/// How long before its planned instant a run is made ready.
pub const LEAD_TIME: SignedDuration = SignedDuration::from_secs(30);

/// The longest lateness and slip of a job.
const LONGEST: SignedDuration = SignedDuration::from_hours(24);

/// The time between two reconfigurations of Starlink's network: satellites are assigned anew every
/// 15 s all over the world ("A Multifaceted Look at Starlink Performance", WWW 2024).
pub(crate) const SLOT: SignedDuration = SignedDuration::from_secs(15);

/// The second of a minute at which a slot begins; the others begin at 27, 42 and 57.
pub(crate) const SLOT_PHASE: SignedDuration = SignedDuration::from_secs(12);

/// The policies of a job; the default is what a job without any gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Policies {
    /// The zone in which the cron expression is read.
    ///
    /// A local time that the spring change skips does not fire. A local time that the autumn
    /// change repeats fires the first time only; an expression that fires in every hour follows
    /// real time instead, through both passes.
    pub time_zone: Zone,
    /// How much later than planned a run may start; beyond it the run is MISSED.
    pub allowed_lateness: SignedDuration,
    /// What happens to a run when the previous one of the same job still has the time.
    pub overlap: Overlap,
    /// Up to how much later all starts may be moved when the job is booked, together and by the
    /// same amount, if that is what it takes to be free of conflicts.
    pub slip: SignedDuration,
    /// Each run starts at a random instant up to this much after its scheduled one. The time is
    /// reserved for all of them.
    pub random_slip: SignedDuration,
    /// The job is over after this many planned runs.
    pub max_runs: Option<NonZeroU32>,
    /// Each run waits for the next instant at this place inside Starlink's 15-second slots.
    pub align: Option<SlotOffset>,
    /// What happens to a run whose trigger does not hold at its planned instant: skipped when `None`,
    /// else held until it does.
    pub hold: Option<Hold>,
    /// How long after the end of a run of the job the trigger lets no other start.
    pub cooldown: SignedDuration,
    /// When it is booked, a one-time job is put at the best time between its dates at which its trigger is
    /// expected to hold and its nodes are free.
    pub at_window: bool,
}

/// How a run is held whose trigger does not hold at its planned instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hold {
    /// For how long without a break the trigger must hold before the run starts.
    pub met_for: SignedDuration,
    /// How much of the length must be left; with less than that the run is skipped, unless it is
    /// [punctual](PUNCTUAL).
    pub at_least: SignedDuration,
}

impl Default for Hold {
    fn default() -> Self {
        Self { met_for: SignedDuration::ZERO, at_least: SignedDuration::from_secs(1) }
    }
}

impl Default for Policies {
    fn default() -> Self {
        Self {
            time_zone: Zone::UTC,
            allowed_lateness: ALLOWED_LATENESS,
            overlap: Overlap::Skip,
            slip: SignedDuration::ZERO,
            random_slip: SignedDuration::ZERO,
            max_runs: None,
            align: None,
            hold: None,
            cooldown: SignedDuration::ZERO,
            at_window: false,
        }
    }
}

impl Policies {
    /// How much later than its scheduled start a run may be planned to begin, at most.
    pub fn longest_delay(&self) -> SignedDuration {
        let align = if self.align.is_some() { SLOT } else { SignedDuration::ZERO };
        self.slip.saturating_add(self.random_slip).saturating_add(align)
    }

    /// Checks that every duration is one a job can have.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) naming the policy.
    pub fn check(&self) -> Result<(), Error> {
        let durations = [
            ("allowed lateness", self.allowed_lateness),
            ("slip", self.slip),
            ("random slip", self.random_slip),
            ("cooldown", self.cooldown),
            ("met for", self.hold.map_or(SignedDuration::ZERO, |hold| hold.met_for)),
            ("at least", self.hold.map_or(SignedDuration::ZERO, |hold| hold.at_least)),
        ];
        match durations.into_iter().find(|(_, value)| value.is_negative() || *value > LONGEST) {
            Some((name, value)) => {
                Err(Error::invalid(format!("{name} of {} s is not possible", value.as_secs_f64()))
                    .hint("give seconds from 0 to 86400 (one day)"))
            }
            None => Ok(()),
        }
    }

    /// Checks that nothing is wanted of a trigger, for a job that has none.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) naming the policy.
    pub fn check_without_trigger(&self) -> Result<(), Error> {
        let named = match self {
            Self { hold: Some(_), .. } => "hold",
            Self { cooldown, .. } if !cooldown.is_zero() => "cooldown",
            Self { at_window: true, .. } => "align window",
            _ => return Ok(()),
        };
        Err(Error::invalid(format!("{named} is about a trigger, and the job has none")).hint(format!(
            "give the job a trigger, for example satellite_elevation > 40, or leave {named} out"
        )))
    }

    /// Checks that a held run of `length` can start at all.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) where it would be held to its end.
    pub fn check_length(&self, length: SignedDuration) -> Result<(), Error> {
        let Some(Hold { at_least, .. }) = self.hold else { return Ok(()) };
        let (least, all) = (at_least.as_secs_f64(), length.as_secs_f64());
        if at_least <= length {
            return Ok(());
        }
        Err(Error::invalid(format!("at least {least} s are to be left of a length of {all} s"))
            .hint("make the length longer than what must be left, or ask for less"))
    }
}

/// What happens to a run when the previous one of the same job still has the time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// It is SKIPPED.
    #[default]
    Skip,
    /// It runs beside it; only for jobs that do not need the link for themselves.
    Allow,
}

impl Overlap {
    /// Its name on the command line and on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Allow => "allow",
        }
    }
}

impl fmt::Display for Overlap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Overlap {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        let all = [Self::Skip, Self::Allow];
        all.into_iter().find(|overlap| overlap.name() == text).ok_or_else(|| {
            Error::invalid(format!("{text:?} is no way to treat an overlap")).hint("use skip or allow")
        })
    }
}

/// A place inside a 15-second slot, from its start; written `slot` or `slot+3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SlotOffset(SignedDuration);

impl SlotOffset {
    /// `after` the start of a slot.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) unless it is less than 15 s and not negative.
    pub fn new(after: SignedDuration) -> Result<Self, Error> {
        if after.is_negative() || after >= SLOT {
            return Err(Error::invalid(format!("{} s is no place inside a slot", after.as_secs_f64()))
                .hint("slots are 15 s long: give 0 or more and less than 15 seconds"));
        }
        // Instants have microseconds.
        Ok(Self(SignedDuration::from_micros(micros(after))))
    }

    /// The time since the start of the slot.
    pub fn after_start(self) -> SignedDuration {
        self.0
    }
}

/// In whole microseconds; durations of the testbed are far from the limits of the type.
pub(super) fn micros(duration: SignedDuration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(if duration.is_negative() { i64::MIN } else { i64::MAX })
}

impl FromStr for SlotOffset {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        let fault = || {
            Error::invalid(format!("{text:?} is no alignment"))
                .hint("write slot for the start of a 15-second slot, slot+3 for 3 seconds after it")
        };
        let rest = text.trim().strip_prefix("slot").ok_or_else(fault)?.trim();
        if rest.is_empty() {
            return Self::new(SignedDuration::ZERO);
        }
        let secs = rest.strip_prefix('+').ok_or_else(fault)?.trim_end_matches('s').trim();
        let secs = secs.parse::<f64>().ok().filter(|secs| secs.is_finite()).ok_or_else(fault)?;
        Self::new(SignedDuration::try_from_secs_f64(secs).map_err(|_| fault())?)
    }
}

impl fmt::Display for SlotOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_zero() { f.write_str("slot") } else { write!(f, "slot+{}", self.0.as_secs_f64()) }
    }
}

impl TryFrom<String> for SlotOffset {
    type Error = Error;
    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<SlotOffset> for String {
    fn from(offset: SlotOffset) -> String {
        offset.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alignments_are_read_and_printed() {
        for (text, printed, micros) in
            [("slot", "slot", 0), ("slot+3", "slot+3", 3_000_000), (" slot + 2.5 s ", "slot+2.5", 2_500_000)]
        {
            let offset: SlotOffset = text.parse().expect(text);
            assert_eq!((offset.to_string().as_str(), offset.after_start().as_micros()), (printed, micros));
        }
        for bad in ["", "slot-1", "slot+15", "slot+x", "slot+inf", "minute", "slot 3"] {
            assert!(bad.parse::<SlotOffset>().is_err(), "{bad}");
        }
    }

    #[test]
    fn durations_beyond_a_day_are_refused_by_name() {
        let policies = Policies { slip: SignedDuration::from_secs(86_401), ..Policies::default() };
        assert_eq!(policies.check().expect_err("too long").message(), "slip of 86401 s is not possible");
        let policies = Policies { allowed_lateness: SignedDuration::from_secs(-1), ..Policies::default() };
        assert!(policies.check().is_err());
        assert!(Policies::default().check().is_ok());
    }

    #[test]
    fn what_is_left_out_of_a_stored_document_is_the_default() {
        assert_eq!(serde_json::from_str::<Policies>("{}").expect("policies"), Policies::default());
    }
}
