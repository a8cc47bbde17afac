//! Orbital elements and forecasts, on their way.

use super::{given, micros, optional, v1};
use crate::error::{Error, Result};
use crate::model::{Checksum, Constellation, Expected, Forecast, Reach};
use crate::time::{SignedDuration, Timestamp, Window};
use crate::trigger::Key;

/// How long a piece of a text is, in bytes.
const PIECE: usize = 256 << 10;

/// The longest text of elements that is taken, in bytes.
pub const MAX_ELEMENTS: u64 = 64 << 20;

fn part(part: v1::elements_part::Part) -> v1::ElementsPart {
    v1::ElementsPart { part: Some(part) }
}

/// The messages in which a set of elements goes; none but the first, without a size, for a caller who has
/// it already.
pub fn elements_to_wire(set: Option<&Constellation>) -> Vec<v1::ElementsPart> {
    let Some(set) = set else {
        return vec![part(v1::elements_part::Part::Info(v1::ElementsInfo::default()))];
    };
    let facts = set.facts();
    let info = v1::ElementsInfo {
        sha256: facts.sha256.to_string(),
        source: facts.source.clone().unwrap_or_default(),
        fetched_us: facts.fetched.map(Timestamp::as_microsecond),
        size: u64::try_from(set.text().len()).unwrap_or(u64::MAX),
    };
    let pieces = (0..set.text().len()).step_by(PIECE).map(|from| {
        let piece = set.text().slice(from..(from + PIECE).min(set.text().len()));
        part(v1::elements_part::Part::Text(piece))
    });
    std::iter::once(part(v1::elements_part::Part::Info(info))).chain(pieces).collect()
}

/// A set of elements as it comes in; `None` where the caller has it already.
#[derive(Debug, Default)]
pub struct Incoming {
    info: Option<v1::ElementsInfo>,
    text: Vec<u8>,
}

impl Incoming {
    /// Takes the next message.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for more text than was said.
    pub fn take(&mut self, message: v1::ElementsPart) -> Result<()> {
        match message.part {
            Some(v1::elements_part::Part::Info(info)) => self.info = Some(info),
            Some(v1::elements_part::Part::Text(piece)) => {
                let said = self.info.as_ref().map_or(0, |info| info.size).min(MAX_ELEMENTS);
                if (self.text.len() + piece.len()) as u64 > said {
                    return Err(Error::invalid(format!("orbital elements are longer than {said} bytes")));
                }
                self.text.extend_from_slice(&piece);
            }
            None => {}
        }
        Ok(())
    }

    /// The set, once all has come.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for one that is not whole or no set.
    pub fn finish(self) -> Result<Option<Constellation>> {
        let Self { info, text } = self;
        let info = info.ok_or_else(|| Error::invalid("orbital elements are missing"))?;
        if info.size == 0 {
            return Ok(None);
        }
        let fetched = info.fetched_us.map(|us| micros("fetched_us", us)).transpose()?;
        let set = Constellation::read(text.into(), given(&info.source).map(str::to_owned), fetched)?;
        let told: Checksum = info.sha256.parse()?;
        if set.facts().sha256 != told {
            return Err(Error::invalid(format!(
                "orbital elements have the checksum {}, not {told}",
                set.facts().sha256
            )));
        }
        Ok(Some(set))
    }
}

/// The checksum of the set that a caller has.
///
/// # Errors
/// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for no checksum.
pub fn had(text: &str) -> Result<Option<Checksum>> {
    optional(Some(text), str::parse)
}

/// A time by its bounds in microseconds since 1970.
///
/// # Errors
/// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for no time, and for an empty one.
pub fn window_from_wire(start: i64, end: i64) -> Result<Window> {
    Window::new(micros("start_us", start)?, micros("end_us", end)?)
}

impl From<Forecast> for v1::GetForecastResponse {
    fn from(forecast: Forecast) -> Self {
        let Forecast { span, reach, windows, unknown } = forecast;
        let (necessary, unforeseen) = match reach {
            Reach::Exact => (String::new(), Vec::new()),
            Reach::Necessary { part, unforeseen } => {
                (part, unforeseen.iter().map(ToString::to_string).collect())
            }
        };
        Self {
            start_us: span.start().as_microsecond(),
            end_us: span.end().as_microsecond(),
            necessary,
            unforeseen,
            windows: windows.into_iter().map(Into::into).collect(),
            unknown: unknown
                .into_iter()
                .map(|window| v1::TimeWindow {
                    start_us: window.start().as_microsecond(),
                    end_us: window.end().as_microsecond(),
                })
                .collect(),
            elements_sha256: String::new(),
        }
    }
}

impl From<Expected> for v1::ExpectedWindow {
    fn from(expected: Expected) -> Self {
        let Expected { window, sigma_s, element_age } = expected;
        Self {
            start_us: window.start().as_microsecond(),
            end_us: window.end().as_microsecond(),
            sigma_s,
            element_age_us: element_age.map(super::policies::duration_to_wire),
        }
    }
}

impl TryFrom<v1::GetForecastResponse> for Forecast {
    type Error = Error;
    fn try_from(wire: v1::GetForecastResponse) -> Result<Self> {
        let v1::GetForecastResponse {
            start_us,
            end_us,
            necessary,
            unforeseen,
            windows,
            unknown,
            elements_sha256: _,
        } = wire;
        let reach = match given(&necessary) {
            None => Reach::Exact,
            Some(part) => Reach::Necessary {
                part: part.to_owned(),
                unforeseen: unforeseen.iter().map(|key| key.parse::<Key>()).collect::<Result<_>>()?,
            },
        };
        let windows = windows.into_iter().map(|window| {
            Ok(Expected {
                window: window_from_wire(window.start_us, window.end_us)?,
                sigma_s: window.sigma_s,
                element_age: window.element_age_us.map(SignedDuration::from_micros),
            })
        });
        let unknown = unknown.into_iter().map(|window| window_from_wire(window.start_us, window.end_us));
        Ok(Self {
            span: window_from_wire(start_us, end_us)?,
            reach,
            windows: windows.collect::<Result<_>>()?,
            unknown: unknown.collect::<Result<_>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::orbit::Walker;
    use crate::time::parse_time;
    use crate::trigger::Field;

    fn set() -> Constellation {
        let walker = Walker {
            name: "TEST".into(),
            first_number: 90_001,
            altitude_km: 550.0,
            inclination_deg: 53.0,
            planes: 30,
            per_plane: 40,
            phasing: 1,
            first_node_deg: 0.0,
            first_anomaly_deg: 0.0,
        };
        let at = parse_time("2026-12-01T00:00:00").expect("time");
        let text = walker.omm(at).expect("possible");
        Constellation::read(text.into(), Some("a test".into()), Some(at)).expect("elements")
    }

    fn back(parts: Vec<v1::ElementsPart>) -> Result<Option<Constellation>> {
        let mut incoming = Incoming::default();
        for part in parts {
            incoming.take(part)?;
        }
        incoming.finish()
    }

    #[test]
    fn elements_come_back_as_they_went_and_broken_ones_do_not() {
        let set = set();
        let parts = elements_to_wire(Some(&set));
        assert!(parts.len() > 2, "{}", parts.len());
        let same = back(parts.clone()).expect("whole").expect("new");
        assert_eq!((same.facts(), same.text()), (set.facts(), set.text()));
        assert!(back(elements_to_wire(None)).expect("nothing new").is_none());
        back(Vec::new()).expect_err("nothing");
        back(parts[..parts.len() - 1].to_vec()).expect_err("cut off");
        back([parts.clone(), vec![parts[1].clone()]].concat()).expect_err("too long");
        assert_eq!(had("").expect("none"), None);
        had("x").expect_err("no checksum");
    }

    #[test]
    fn forecasts_come_back_as_they_went() {
        let at = |text: &str| parse_time(text).expect(text);
        let window = Window::new(at("2026-12-01T00:00:00"), at("2026-12-01T01:00:00")).expect("window");
        let expected = Expected { window, sigma_s: 0.5, element_age: Some(SignedDuration::from_hours(3)) };
        let exact =
            Forecast { span: window, reach: Reach::Exact, windows: vec![expected], unknown: Vec::new() };
        let necessary = Forecast {
            reach: Reach::Necessary {
                part: "satellite.elevation > 40".into(),
                unforeseen: vec![Field::DISH_LATENCY.into()],
            },
            windows: Vec::new(),
            unknown: vec![window],
            ..exact.clone()
        };
        for forecast in [exact, necessary] {
            let wire = v1::GetForecastResponse::from(forecast.clone());
            assert_eq!(Forecast::try_from(wire).expect("forecast"), forecast);
        }
    }
}
