//! When a node goes on standby by itself, because its host uses the link.

use jiff::SignedDuration;
use serde::Deserialize;

use crate::error::Error;
use crate::time::parse_duration;

/// The longest name of a network interface in bytes.
const LONGEST_NAME: usize = 15;

/// The shortest and the longest time to average over or to wait for quiet.
const SHORTEST: SignedDuration = SignedDuration::from_secs(1);
const LONGEST: SignedDuration = SignedDuration::from_hours(1);

/// When a node goes on standby by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutoScavenger {
    /// The network interface whose traffic counts.
    pub interface: String,
    /// The most traffic of the host itself with which experiments go on, received and sent, in bits
    /// per second.
    pub above: u64,
    /// The time over which it is averaged.
    pub span: SignedDuration,
    /// How long it must not be above that before experiments come back.
    pub quiet: SignedDuration,
}

/// The key `scavenger` as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Text {
    interface: String,
    above: String,
    #[serde(rename = "for")]
    span: Option<String>,
    quiet: Option<String>,
}

impl TryFrom<Text> for AutoScavenger {
    type Error = Error;
    fn try_from(text: Text) -> Result<Self, Error> {
        let Text { interface, above, span, quiet } = text;
        let plain = |c: char| c.is_ascii_graphic() && c != '/';
        if interface.is_empty()
            || interface.len() > LONGEST_NAME
            || !interface.chars().all(plain)
            || interface.starts_with('.')
        {
            return Err(Error::invalid(format!("scavenger.interface {interface:?} is not the name of one")));
        }
        let above = parse_rate(&above)
            .ok_or_else(|| Error::invalid(format!("scavenger.above {above:?} is not a rate like 5mbit")))?;
        let time = |key: &str, text: Option<String>, default| {
            let text = text.unwrap_or_else(|| String::from(default));
            let time = parse_duration(&text).map_err(|error| error.context(format!("scavenger.{key}")))?;
            if !(SHORTEST..=LONGEST).contains(&time) {
                return Err(Error::invalid(format!("scavenger.{key} {text} is not from 1s to 1h")));
            }
            Ok(time)
        };
        Ok(Self { interface, above, span: time("for", span, "10s")?, quiet: time("quiet", quiet, "60s")? })
    }
}

/// Reads bits per second, as `tc` writes them: `5mbit`, `500kbit`, `1.5gbit`, `9600bit`.
fn parse_rate(text: &str) -> Option<u64> {
    let lower = text.trim().to_ascii_lowercase();
    let (number, unit) = lower.split_at(lower.find(|c: char| c.is_ascii_alphabetic())?);
    let unit: u64 = match unit {
        "bit" => 1,
        "kbit" => 1_000,
        "mbit" => 1_000_000,
        "gbit" => 1_000_000_000,
        _ => return None,
    };
    let (whole, part) = number.trim().split_once('.').unwrap_or((number.trim(), "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    if !digits(whole) || !digits(part) || part.len() > 9 {
        return None;
    }
    let scale = 10_u64.pow(u32::try_from(part.len()).ok()?);
    let fraction = u128::from(part.parse::<u64>().ok()?) * u128::from(unit) / u128::from(scale);
    let rate = whole.parse::<u64>().ok()?.checked_mul(unit)?.checked_add(u64::try_from(fraction).ok()?)?;
    (rate > 0).then_some(rate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ExecutorConfig;

    #[test]
    fn rates_are_read_as_tc_writes_them() {
        for (text, rate) in
            [("5mbit", 5_000_000), ("1.5Gbit", 1_500_000_000), ("500 kbit", 500_000), ("9600bit", 9600)]
        {
            assert_eq!(parse_rate(text), Some(rate), "{text}");
        }
        for bad in ["", "5", "5mb", "5mbps", "mbit", "-5mbit", "0mbit", "1e3bit", "1.mbit", "99999999999gbit"]
        {
            assert_eq!(parse_rate(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_key_is_read_and_what_is_wrong_is_named() {
        let read =
            |text: &str| ExecutorConfig::parse(&format!("scavenger: {text}")).map(|config| config.scavenger);
        let secs = SignedDuration::from_secs;
        let mut expected =
            AutoScavenger { interface: "eth0".into(), above: 5_000_000, span: secs(10), quiet: secs(60) };
        assert_eq!(read("{interface: eth0, above: 5mbit}").expect("config"), Some(expected.clone()));
        (expected.span, expected.quiet) = (secs(30), secs(300));
        let given = read("{interface: eth0, above: 5mbit, for: 30s, quiet: 5m}");
        assert_eq!(given.expect("config"), Some(expected));
        assert_eq!(ExecutorConfig::default().scavenger, None);
        for (bad, named) in [
            ("{interface: ../x, above: 5mbit}", "scavenger.interface"),
            ("{interface: '', above: 5mbit}", "scavenger.interface"),
            ("{interface: eth0, above: fast}", "scavenger.above"),
            ("{interface: eth0, above: 5mbit, for: 10}", "scavenger.for"),
            ("{interface: eth0, above: 5mbit, quiet: 2d}", "scavenger.quiet"),
            ("{interface: eth0}", "above"),
            ("{interface: eth0, above: 5mbit, limit: 1}", "limit"),
        ] {
            let error = read(bad).expect_err(bad).to_string();
            assert!(error.starts_with("executor config") && error.contains(named), "{error}");
        }
    }
}
