//! What conditions name and monitors read.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::Kind;
use super::fields::{Ahead, Field, Source};
use super::tree::without_history;
use crate::error::Error;

/// The longest name that an operator may give a field, and the longest name of a satellite.
const MAX_NAME_BYTES: usize = 64;

/// After how many seconds a value of an operator's own field says nothing any more, unless its monitor
/// says otherwise.
const CUSTOM_STALE_AFTER_S: u32 = 300;

/// What a value is of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// A field of the table.
    Field(Field),
    /// A field that the operator of a node has added, written `custom.NAME`.
    Custom(Arc<str>),
    /// A field of one named satellite, written `satellite["NAME"].elevation`; the name is a catalogue
    /// number where it has digits only.
    Satellite(Arc<str>, Field),
}

impl Key {
    /// The fields that a named satellite has.
    pub const OF_SATELLITES: [Field; 4] = [
        Field::SATELLITE_ELEVATION,
        Field::SATELLITE_AZIMUTH,
        Field::SATELLITE_RANGE,
        Field::SATELLITE_VISIBLE,
    ];

    /// An operator's own field.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) unless the name is made of letters, digits
    /// and `_`, begins with none of the digits, and has at most 64 bytes; and for one that conditions could
    /// not name: a word that connects them, or one with an end that means history (`_1` to `_5`, `_avg`).
    pub fn custom(name: &str) -> Result<Self, Error> {
        let is_name = name.len() <= MAX_NAME_BYTES
            && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let is_word = ["and", "or", "not"].iter().any(|word| name.eq_ignore_ascii_case(word));
        let (_, history) = without_history(name);
        let hint = match history {
            _ if !is_name => "use letters, digits and '_', 64 at most, and no digit first".to_owned(),
            _ if is_word => format!("conditions are connected with '{}'", name.to_ascii_lowercase()),
            "" => return Ok(Self::Custom(name.into())),
            _ => format!("in conditions, {history} behind a name is its history"),
        };
        Err(Error::invalid(format!("field name {name:?} is not possible")).hint(hint))
    }

    /// A field of the satellite of that name, which may have space around it; `None` where it is too long,
    /// or empty.
    pub(super) fn satellite(name: &str, field: Field) -> Option<Self> {
        let name = name.trim();
        (1..=MAX_NAME_BYTES).contains(&name.len()).then(|| Self::Satellite(name.into(), field))
    }

    /// What its values are, where that is known before there is one.
    pub fn kind(&self) -> Option<Kind> {
        match self {
            Self::Field(field) => Some(field.info().kind),
            Self::Custom(_) => None,
            // Whether one satellite is visible; the field of all is their number.
            Self::Satellite(_, Field::SATELLITE_VISIBLE) => Some(Kind::Flag),
            Self::Satellite(_, field) => Some(field.info().kind),
        }
    }

    /// The unit of its values; empty where they have none, or it is not known.
    pub fn unit(&self) -> &'static str {
        match self {
            Self::Field(field) | Self::Satellite(_, field) => field.info().unit,
            Self::Custom(_) => "",
        }
    }

    /// Where its values come from.
    pub fn source(&self) -> Source {
        match self {
            Self::Field(field) | Self::Satellite(_, field) => field.info().source,
            Self::Custom(_) => Source::Custom,
        }
    }

    /// Whether they can be told before their time.
    pub fn ahead(&self) -> Ahead {
        match self {
            Self::Field(field) | Self::Satellite(_, field) => field.info().ahead,
            Self::Custom(_) => Ahead::No,
        }
    }

    /// Whether no monitor reads it, but the node works it out itself at every instant at which it asks.
    pub(super) fn is_worked_out(&self) -> bool {
        let of_node = [Field::NODE_JOBS_RUNNING, Field::WEATHER_AGE];
        self.source() == Source::Clock || of_node.into_iter().any(|field| *self == Self::Field(field))
    }

    /// After how many seconds a value says nothing any more.
    pub fn stale_after_s(&self) -> u32 {
        match self {
            Self::Field(field) | Self::Satellite(_, field) => field.info().stale_after_s,
            Self::Custom(_) => CUSTOM_STALE_AFTER_S,
        }
    }
}

impl From<Field> for Key {
    fn from(field: Field) -> Self {
        Self::Field(field)
    }
}

/// Reads what [`Display`](fmt::Display) prints; aliases are none.
impl FromStr for Key {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        if let Some(field) = Field::find(text) {
            return Ok(Self::Field(field));
        }
        if let Some(name) = text.strip_prefix("custom.") {
            return Self::custom(name);
        }
        let unknown = || Error::invalid(format!("there is no field {text:?}"));
        let named = text.strip_prefix("satellite[").ok_or_else(unknown)?;
        let quote = named.chars().next().filter(|c| matches!(c, '"' | '\'')).ok_or_else(unknown)?;
        let (name, part) = named[1..].split_once(quote).ok_or_else(unknown)?;
        let field = part.strip_prefix("].").and_then(|part| Field::find(&format!("satellite.{part}")));
        let field = field.filter(|field| Self::OF_SATELLITES.contains(field)).ok_or_else(unknown)?;
        Self::satellite(name, field).ok_or_else(unknown)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(field) => field.fmt(f),
            Self::Custom(name) => write!(f, "custom.{name}"),
            Self::Satellite(name, field) => {
                let part = field.info().name.strip_prefix("satellite.").unwrap_or(field.info().name);
                // A name has no quotes of both kinds in it.
                let quote = if name.contains('"') { '\'' } else { '"' };
                write!(f, "satellite[{quote}{name}{quote}].{part}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_of_a_key_is_read_as_the_same_one() {
        let custom = Key::custom("fan_speed").expect("key");
        let satellites = Key::OF_SATELLITES.map(|field| Key::Satellite("a \"b\" ]. c".into(), field));
        for key in Field::all().map(Key::Field).chain([custom]).chain(satellites) {
            assert_eq!(key.to_string().parse::<Key>().expect("key"), key);
        }
        for bad in [
            "",
            "dish",
            "dish.colour",
            "pop_ping_latency_ms",
            "custom.",
            "custom.a b",
            "custom.fan_1",
            "custom.fan_avg",
            "custom.And",
            "satellite[\"A\"]",
            "satellite[\"\"].range",
            "satellite[\"  \"].range",
            "satellite[A].range",
            "satellite[\"A\"].id",
            "satellite[\"A'].range",
        ] {
            bad.parse::<Key>().expect_err(bad);
        }
    }

    #[test]
    fn a_satellite_is_the_same_with_space_around_its_name() {
        let (key, spaced) = ("satellite[\"A 1\"].range", "satellite[\" A 1\t\"].range");
        assert_eq!(spaced.parse::<Key>().expect("key"), key.parse::<Key>().expect("key"));
        let trigger = crate::trigger::Trigger::parse(&format!("{spaced} > 3")).expect("trigger");
        assert_eq!(trigger.keys(), [key.parse::<Key>().expect("key")]);
        let long = format!("satellite[\"{}\"].range", "x".repeat(MAX_NAME_BYTES + 1));
        long.parse::<Key>().expect_err("too long");
    }

    #[test]
    fn an_own_field_has_no_name_that_means_something_else_in_a_condition() {
        let connects = |word: &str| format!("conditions are connected with '{word}'");
        for (name, hint) in [
            ("fan_1", "in conditions, _1 behind a name is its history".to_owned()),
            ("fan_5", "in conditions, _5 behind a name is its history".to_owned()),
            ("fan_avg", "in conditions, _avg behind a name is its history".to_owned()),
            ("_1", "in conditions, _1 behind a name is its history".to_owned()),
            ("and", connects("and")),
            ("OR", connects("or")),
            ("Not", connects("not")),
        ] {
            let error = Key::custom(name).expect_err(name);
            assert_eq!(error.message(), format!("field name {name:?} is not possible"));
            assert_eq!(error.what_to_do(), Some(hint.as_str()));
        }
        for good in ["fan_6", "fan_0", "fan_10", "fan1", "average", "avg", "android", "fan_1_speed"] {
            Key::custom(good).expect(good);
            crate::trigger::Trigger::parse(&format!("custom.{good} > custom.{good}_1")).expect(good);
        }
    }
}
