//! Times in which a node does not take (all) experiments.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::named::named;
use crate::time::{Timestamp, wire_time};

named!(
    /// What a node on standby leaves undone.
    StandbyKind {
        /// Runs that need the link for themselves are stopped, and none is begun; others go on.
        Scavenger = "SCAVENGER",
        /// Runs that have started go on to their end, and none of any job is begun.
        Drain = "DRAIN",
    }
);

named!(
    /// On whose word a node is on standby.
    StandbyBy {
        /// A person, or a program on behalf of one.
        Person = "PERSON",
        /// The node itself, which saw that its host uses the link.
        Host = "HOST",
    }
);

/// That a node does not take (all) experiments, and until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standby {
    /// What it leaves undone.
    pub kind: StandbyKind,
    /// Why, for people to read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it ends by itself; `None` until somebody ends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl Standby {
    /// Scavenger mode that somebody has to end.
    pub const SCAVENGER: Self = Self { kind: StandbyKind::Scavenger, reason: None, until: None };

    /// Whether it is scavenger mode, which is all that earlier versions and existing programs know.
    pub fn is_scavenger(&self) -> bool {
        self.kind == StandbyKind::Scavenger
    }

    /// Whether it holds at `now`.
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    /// Whether a run that starts at `at` is left undone; `overhead` says that it needs the link for
    /// itself.
    pub fn hinders(&self, overhead: bool, at: Timestamp) -> bool {
        let concerned = match self.kind {
            StandbyKind::Scavenger => overhead,
            StandbyKind::Drain => true,
        };
        concerned && self.is_active(at)
    }
}

/// As people read it: `scavenger mode until 2026-12-01T12:00:00 (video call)`.
impl fmt::Display for Standby {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            StandbyKind::Scavenger => "scavenger mode",
            StandbyKind::Drain => "draining",
        })?;
        if let Some(until) = self.until {
            write!(f, " until {}", wire_time(until))?;
        }
        match &self.reason {
            Some(reason) => write!(f, " ({reason})"),
            None => Ok(()),
        }
    }
}

/// Everything that keeps a node from experiments: what people said and what the node found stand
/// beside each other, so that neither takes back what the other has set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub struct Standbys {
    /// What people said.
    pub by_person: Option<Standby>,
    /// What the node found.
    pub by_host: Option<Standby>,
}

impl Standbys {
    /// Sets, or with `None` ends, what `by` says. When people end it, all of it ends.
    pub fn set(&mut self, by: StandbyBy, standby: Option<Standby>) {
        match by {
            StandbyBy::Person if standby.is_none() => *self = Self::default(),
            StandbyBy::Person => self.by_person = standby,
            StandbyBy::Host => self.by_host = standby,
        }
    }

    /// Those that are set, with who set them; what people said comes first.
    pub fn iter(&self) -> impl Iterator<Item = (StandbyBy, &Standby)> {
        let Self { by_person, by_host } = self;
        let by = |by, standby| Option::as_ref(standby).map(|standby| (by, standby));
        by(StandbyBy::Person, by_person).into_iter().chain(by(StandbyBy::Host, by_host))
    }

    /// The first that holds at `now`.
    pub fn active(&self, now: Timestamp) -> Option<&Standby> {
        self.iter().map(|(_, standby)| standby).find(|standby| standby.is_active(now))
    }

    /// Takes out what does not hold at `now` any more.
    pub fn drop_ended(&mut self, now: Timestamp) {
        self.by_person.take_if(|standby| !standby.is_active(now));
        self.by_host.take_if(|standby| !standby.is_active(now));
    }

    /// Whether scavenger mode is set.
    pub fn is_scavenger(&self) -> bool {
        self.iter().any(|(_, standby)| standby.is_scavenger())
    }
}

/// The form in which it is stored: a plain `scavenger_mode_active` is all that earlier versions
/// wrote, and all that they read.
#[derive(Serialize, Deserialize)]
struct Stored {
    #[serde(default)]
    scavenger_mode_active: bool,
    #[serde(default)]
    standby: Option<Standby>,
    #[serde(default)]
    host_standby: Option<Standby>,
}

impl From<Stored> for Standbys {
    fn from(stored: Stored) -> Self {
        let Stored { scavenger_mode_active, standby, host_standby } = stored;
        Self::read(scavenger_mode_active, standby, host_standby)
    }
}

impl From<Standbys> for Stored {
    fn from(standbys: Standbys) -> Self {
        let Standbys { by_person, by_host } = standbys;
        let scavenger_mode_active = by_person.as_ref().is_some_and(Standby::is_scavenger);
        Self { scavenger_mode_active, standby: by_person, host_standby: by_host }
    }
}

impl Standbys {
    /// What a record says that has a flag for the scavenger mode that people set, and maybe more.
    pub fn read(flag: bool, by_person: Option<Standby>, by_host: Option<Standby>) -> Self {
        Self { by_person: by_person.or(flag.then_some(Standby::SCAVENGER)), by_host }
    }
}

/// The standby in [`Orders`](super::Orders) as it is stored, beside the flag of earlier versions.
pub(super) mod in_orders {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{Standby, Standbys};

    #[derive(Serialize, Deserialize)]
    struct Stored {
        #[serde(default)]
        scavenger_mode: bool,
        #[serde(default)]
        standby: Option<Standby>,
    }

    pub(in super::super) fn serialize<S: Serializer>(
        standby: &Option<Standby>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let scavenger_mode = standby.as_ref().is_some_and(Standby::is_scavenger);
        Stored { scavenger_mode, standby: standby.clone() }.serialize(serializer)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Standby>, D::Error> {
        let Stored { scavenger_mode, standby } = Stored::deserialize(deserializer)?;
        Ok(Standbys::read(scavenger_mode, standby, None).by_person)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::parse_time;

    fn at(text: &str) -> Timestamp {
        parse_time(text).expect("time")
    }

    fn pause() -> Standby {
        let until = Some(at("2026-12-01T12:00:00"));
        Standby { kind: StandbyKind::Scavenger, reason: Some("video call".into()), until }
    }

    #[test]
    fn a_standby_ends_at_its_instant_and_concerns_what_its_kind_says() {
        let (before, end) = (at("2026-12-01T11:59:59.999999"), at("2026-12-01T12:00:00"));
        let drain = Standby { kind: StandbyKind::Drain, ..pause() };
        assert!(pause().hinders(true, before) && !pause().hinders(false, before));
        assert!(drain.hinders(true, before) && drain.hinders(false, before));
        for standby in [pause(), drain] {
            assert!(!standby.is_active(end) && !standby.hinders(true, end));
        }
        assert!(Standby::SCAVENGER.is_active(Timestamp::MAX));
    }

    #[test]
    fn people_and_the_node_do_not_take_back_what_the_other_set() {
        let mut standbys = Standbys::default();
        standbys.set(StandbyBy::Host, Some(Standby::SCAVENGER));
        standbys.set(StandbyBy::Person, Some(pause()));
        assert_eq!(standbys.active(at("2026-12-01T00:00")), Some(&pause()));
        standbys.set(StandbyBy::Host, None);
        assert_eq!(standbys, Standbys { by_person: Some(pause()), by_host: None });
        standbys.set(StandbyBy::Host, Some(Standby::SCAVENGER));
        standbys.drop_ended(at("2026-12-01T12:00:00"));
        assert_eq!(standbys, Standbys { by_person: None, by_host: Some(Standby::SCAVENGER) });
        standbys.set(StandbyBy::Person, None);
        assert_eq!(standbys, Standbys::default(), "people end all of it");
    }

    #[test]
    fn records_of_earlier_versions_are_read_and_read_ours() {
        let read = |text: &str| serde_json::from_str::<Standbys>(text).expect(text);
        assert_eq!(read("{}"), Standbys::default());
        assert_eq!(read(r#"{"scavenger_mode_active": false}"#), Standbys::default());
        let plain = Standbys { by_person: Some(Standby::SCAVENGER), by_host: None };
        assert_eq!(read(r#"{"scavenger_mode_active": true}"#), plain);
        let drain = Standby { kind: StandbyKind::Drain, ..pause() };
        for (standbys, flag) in [
            (plain, true),
            (Standbys { by_person: Some(pause()), by_host: None }, true),
            (Standbys { by_person: None, by_host: Some(pause()) }, false),
            (Standbys { by_person: Some(drain), by_host: None }, false),
            (Standbys::default(), false),
        ] {
            let stored = serde_json::to_value(standbys.clone()).expect("json");
            assert_eq!(stored["scavenger_mode_active"], flag);
            assert_eq!(serde_json::from_value::<Standbys>(stored).expect("standbys"), standbys);
        }
    }

    #[test]
    fn people_read_what_it_is_until_when_and_why() {
        assert_eq!(Standby::SCAVENGER.to_string(), "scavenger mode");
        assert_eq!(pause().to_string(), "scavenger mode until 2026-12-01T12:00:00 (video call)");
        let drain = Standby { kind: StandbyKind::Drain, until: None, ..pause() };
        assert_eq!(drain.to_string(), "draining (video call)");
    }
}
