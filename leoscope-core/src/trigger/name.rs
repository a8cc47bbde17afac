//! Fields by the names that people give them, and values as they write them.

use super::check::alike;
use super::fields::{Alias, Conversion};
use super::tree::without_history;
use super::{Key, Kind, Value};
use crate::error::Error;

/// The longest text that is a value, in bytes.
const MAX_TEXT_BYTES: usize = 256;

/// A field under one of its names, whose values are in the unit that belongs to the name.
#[derive(Debug, Clone, PartialEq)]
pub struct Name {
    key: Key,
    conversion: Option<Conversion>,
}

impl Name {
    /// The field of that name: its own or an alias, for example `dish.latency`, `weather_temp`,
    /// `custom.fan` or `satellite["STARLINK-1007"].elevation`.
    pub fn find(name: &str) -> Option<Self> {
        let alias = || Alias::find(name).map(|alias| (Key::Field(alias.field), alias.conversion));
        let (key, conversion) = name.parse().ok().map(|key| (key, None)).or_else(alias)?;
        Some(Self { key, conversion })
    }

    /// The same.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for a name that no field has; what may have
    /// been meant is in the hint.
    pub fn parse(name: &str) -> Result<Self, Error> {
        Self::find(name).ok_or_else(|| {
            let (base, history) = without_history(name);
            let hint = match alike(base) {
                _ if !history.is_empty() && Self::find(base).is_some() => {
                    format!("give its last values, the newest last: {base}=VALUE,VALUE,…")
                }
                Some(like) => format!("did you mean {like}?"),
                None => "'leoscope trigger fields' lists the fields".to_owned(),
            };
            Error::invalid(format!("there is no field {name}")).hint(hint)
        })
    }

    /// The field.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The unit of the values under this name; empty where they have none.
    pub fn unit(&self) -> &'static str {
        self.conversion.map_or_else(|| self.key.unit(), |conversion| conversion.unit)
    }

    /// The value that `text` is under this name, in the field's own unit: a number, `true` or `false`, or
    /// a text, which may stand in quotes. `None` where it is empty or a number that is not finite.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for one of another kind than the field's.
    pub fn value(&self, text: &str) -> Result<Option<Value>, Error> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(None);
        }
        let unquoted = unquoted(text);
        let number = || text.parse::<f64>().ok().map(|number| self.number(number));
        let flag = || flag(text).map(|flag| Some(Value::Flag(flag)));
        let kind = self.key.kind();
        let value = match kind {
            Some(Kind::Number) => number(),
            // Tables of numbers alone have no other flags.
            Some(Kind::Flag) => flag().or(match text {
                "0" => Some(Some(Value::Flag(false))),
                "1" => Some(Some(Value::Flag(true))),
                _ => None,
            }),
            Some(Kind::Text) => Some(Some(Value::text(unquoted.unwrap_or(text)))),
            None if unquoted.is_some() => unquoted.map(|text| Some(Value::text(text))),
            None => number().or_else(flag).or_else(|| Some(Some(Value::text(text)))),
        };
        let value = value.ok_or_else(|| {
            let (key, kind) = (&self.key, kind.unwrap_or(Kind::Text));
            let hint = match kind {
                Kind::Number if self.unit().is_empty() => "give a number".to_owned(),
                Kind::Number => format!("give a number in {}", self.unit()),
                Kind::Flag | Kind::Text => "give true or false".to_owned(),
            };
            Error::invalid(format!("{key} is {kind}, {text:?} is not")).hint(hint)
        })?;
        match &value {
            Some(Value::Text(text)) if text.len() > MAX_TEXT_BYTES => Err(Error::invalid(format!(
                "a value of {} has {} bytes, at most {MAX_TEXT_BYTES} are possible",
                self.key,
                text.len()
            ))),
            _ => Ok(value),
        }
    }

    fn number(&self, number: f64) -> Option<Value> {
        Value::number(self.conversion.map_or(number, |conversion| conversion.undo(number)))
    }
}

/// The flags as conditions and as Python write them.
fn flag(text: &str) -> Option<bool> {
    match text {
        "true" | "True" => Some(true),
        "false" | "False" => Some(false),
        _ => None,
    }
}

fn unquoted(text: &str) -> Option<&str> {
    ['"', '\''].into_iter().find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trigger::Field;

    fn value(name: &str, text: &str) -> Option<Value> {
        Name::parse(name).expect(name).value(text).expect(text)
    }

    #[test]
    fn a_field_has_several_names_and_each_name_its_unit() {
        let kelvin = Name::parse("weather_temp").expect("alias");
        assert_eq!((kelvin.key(), kelvin.unit()), (&Field::WEATHER_TEMPERATURE.into(), "K"));
        assert_eq!(value("weather_temp", "273.15"), Value::number(0.0));
        assert_eq!(value("exp_tx_rate_bytes", "1e3"), Value::number(8_000.0));
        assert_eq!(value("weather.temperature", "-3.5"), Value::number(-3.5));
        assert_eq!(Name::parse("custom.fan").expect("custom").unit(), "");
        Name::parse("satellite[\"STARLINK-1007\"].elevation").expect("satellite");
        for (name, hint) in [
            ("dish.latncy", "did you mean dish.latency?"),
            ("pop_ping_latency", "did you mean pop_ping_latency_ms?"),
            ("dish.latency_1", "give its last values, the newest last: dish.latency=VALUE,VALUE,…"),
            ("custom.fan_1", "give its last values, the newest last: custom.fan=VALUE,VALUE,…"),
            ("colour", "'leoscope trigger fields' lists the fields"),
        ] {
            let error = Name::parse(name).expect_err(name);
            assert_eq!(error.message(), format!("there is no field {name}"));
            assert_eq!(error.what_to_do(), Some(hint));
        }
    }

    #[test]
    fn a_value_is_of_the_kind_of_its_field() {
        assert_eq!(value("dish.latency", " 40 "), Value::number(40.0));
        for nothing in ["", " ", "NaN", "inf"] {
            assert_eq!(value("dish.latency", nothing), None, "{nothing:?}");
        }
        for (text, flag) in [("true", true), ("False", false), ("1", true), ("0", false)] {
            assert_eq!(value("dish.obstructed", text), Some(Value::Flag(flag)));
        }
        assert_eq!(value("dish.state", "CONNECTED"), Some(Value::text("CONNECTED")));
        assert_eq!(value("dish.state", "'12'"), Some(Value::text("12")));
        assert_eq!(value("custom.fan", "12"), Value::number(12.0));
        assert_eq!(value("custom.fan", "\"12\""), Some(Value::text("12")));
        assert_eq!(value("custom.fan", "true"), Some(Value::Flag(true)));
        assert_eq!(value("custom.fan", "on"), Some(Value::text("on")));
        for (name, text, message, hint) in [
            ("dish.latency", "fast", "dish.latency is a number, \"fast\" is not", "give a number in ms"),
            ("weather_temp", "20C", "weather.temperature is a number, \"20C\" is not", "give a number in K"),
            ("dish.obstructed", "yes", "dish.obstructed is yes or no, \"yes\" is not", "give true or false"),
        ] {
            let error = Name::parse(name).expect(name).value(text).expect_err(text);
            assert_eq!((error.message(), error.what_to_do()), (message, Some(hint)));
        }
        Name::parse("dish.state").expect("name").value(&"x".repeat(257)).expect_err("too long");
    }
}
