//! What one experiment may use: the operator's ceiling, and what a researcher asks for below it.

use serde::Deserialize;

use crate::error::Error;

/// The least memory and the least disk that make sense, in bytes.
const LEAST_BYTES: u64 = 1 << 20;

/// The least rate that makes sense, in bits per second.
const LEAST_RATE: u64 = 1000;

/// What one experiment may use.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Memory in bytes.
    pub memory: u64,
    /// Processors, in units of one.
    pub cpus: f64,
    /// Processes and threads.
    pub pids: u32,
    /// Bytes of its results directory and its output.
    pub disk: u64,
    /// Bits per second that it may send; `None` for as many as the link takes.
    pub rate: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory: 1 << 30, cpus: 1.0, pids: 512, disk: 1 << 30, rate: None }
    }
}

/// The limits somebody has written down; what they left out is `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct AskedLimits {
    /// Memory in bytes.
    pub memory: Option<u64>,
    /// Processors, in units of one.
    pub cpus: Option<f64>,
    /// Processes and threads.
    pub pids: Option<u32>,
    /// Bytes of the results directory and the output.
    pub disk: Option<u64>,
    /// Bits per second to send.
    pub rate: Option<u64>,
}

impl AskedLimits {
    /// These limits, and those of `otherwise` where nothing is asked for.
    pub(super) fn or(self, otherwise: Limits) -> Limits {
        let Self { memory, cpus, pids, disk, rate } = self;
        Limits {
            memory: memory.unwrap_or(otherwise.memory),
            cpus: cpus.unwrap_or(otherwise.cpus),
            pids: pids.unwrap_or(otherwise.pids),
            disk: disk.unwrap_or(otherwise.disk),
            rate: rate.or(otherwise.rate),
        }
    }
}

impl Limits {
    /// The limits of an experiment that asks for `asked` on a node that allows these: what it does
    /// not ask for is the node's, less is honoured.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) naming the value and the ceiling, for more than
    /// the node allows.
    pub fn narrowed(self, asked: AskedLimits) -> Result<Self, Error> {
        let limits = asked.or(self);
        let Self { memory, cpus, pids, disk, rate } = limits;
        let beyond = |name: &str, value: String, ceiling: String| {
            Err(Error::invalid(format!(
                "experiment config asks for limits.{name} of {value}, this node allows {ceiling}"
            ))
            .hint(format!(
                "ask for {ceiling} or less, or leave limits.{name} out to get what the node allows"
            )))
        };
        if memory > self.memory {
            return beyond("memory", size(memory), size(self.memory));
        }
        if cpus > self.cpus {
            return beyond("cpus", cpus.to_string(), self.cpus.to_string());
        }
        if pids > self.pids {
            return beyond("pids", pids.to_string(), self.pids.to_string());
        }
        if disk > self.disk {
            return beyond("disk", size(disk), size(self.disk));
        }
        if let (Some(rate), Some(ceiling)) = (rate, self.rate)
            && rate > ceiling
        {
            return beyond("rate", bits(rate), bits(ceiling));
        }
        Ok(limits)
    }
}

/// Limits as they stand in a config. An unknown key is an error: a misspelt limit must not pass
/// for one.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct LimitsText {
    memory: Option<Quantity>,
    cpus: Option<f64>,
    pids: Option<u32>,
    disk: Option<Quantity>,
    rate: Option<Quantity>,
}

/// A number, or a number with a unit.
#[derive(Deserialize)]
#[serde(untagged)]
enum Quantity {
    Number(u64),
    Text(String),
}

impl LimitsText {
    /// Reads the values; the error says which is none.
    pub(super) fn check(self) -> Result<AskedLimits, String> {
        let Self { memory, cpus, pids, disk, rate } = self;
        let bytes = |name: &str, quantity: Quantity| {
            let bytes =
                quantity.read(parse_bytes, || format!("limits.{name} {{}} is not a size like 512m"))?;
            (bytes >= LEAST_BYTES).then_some(bytes).ok_or_else(|| {
                format!("limits.{name} {} leaves nothing to run with, it must be at least 1m", size(bytes))
            })
        };
        if let Some(cpus) = cpus.filter(|cpus| !cpus.is_finite() || *cpus <= 0.0) {
            return Err(format!("limits.cpus {cpus} leaves nothing to run with"));
        }
        if pids == Some(0) {
            return Err("limits.pids 0 leaves nothing to run with".into());
        }
        let rate = rate
            .map(|rate| {
                let rate = rate.read(parse_bits, || "limits.rate {} is not a rate like 10mbit".into())?;
                (rate >= LEAST_RATE).then_some(rate).ok_or_else(|| {
                    format!("limits.rate {} leaves nothing to send, it must be at least 1kbit", bits(rate))
                })
            })
            .transpose()?;
        Ok(AskedLimits {
            memory: memory.map(|memory| bytes("memory", memory)).transpose()?,
            cpus,
            pids,
            disk: disk.map(|disk| bytes("disk", disk)).transpose()?,
            rate,
        })
    }
}

impl Quantity {
    /// The number it means; the error is `fault` with the text in the place of `{}`.
    fn read(self, parse: fn(&str) -> Option<u64>, fault: impl Fn() -> String) -> Result<u64, String> {
        match self {
            Self::Number(number) => Ok(number),
            Self::Text(text) => parse(&text).ok_or_else(|| fault().replace("{}", &format!("{text:?}"))),
        }
    }
}

/// Reads `512m`, `1g`, `1048576`: binary multiples, as container engines write them; `None` for what is no
/// such number.
pub fn parse_bytes(text: &str) -> Option<u64> {
    let (number, unit) = split(text)?;
    let shift = match unit.as_str() {
        "" | "b" => 0,
        "k" | "kb" => 10,
        "m" | "mb" => 20,
        "g" | "gb" => 30,
        _ => return None,
    };
    number.checked_mul(1 << shift)
}

/// Reads `10mbit`, `500kbit`, `1000000`: decimal multiples of bits per second, as links are sold.
fn parse_bits(text: &str) -> Option<u64> {
    let (number, unit) = split(text)?;
    let factor = match unit.as_str() {
        "" | "bit" => 1,
        "kbit" => 1000,
        "mbit" => 1_000_000,
        "gbit" => 1_000_000_000,
        _ => return None,
    };
    number.checked_mul(factor)
}

fn split(text: &str) -> Option<(u64, String)> {
    let lower = text.trim().to_ascii_lowercase();
    let digits = lower.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = lower.get(digits.len()..)?.to_owned();
    Some((digits.parse().ok()?, unit))
}

/// Bytes as they are written in a config.
pub(crate) fn size(bytes: u64) -> String {
    let units = [(30, "g"), (20, "m"), (10, "k")];
    match units.iter().find(|(shift, _)| bytes >= 1 << shift && bytes.is_multiple_of(1 << shift)) {
        Some((shift, unit)) => format!("{}{unit}", bytes >> shift),
        None => format!("{bytes} bytes"),
    }
}

/// Bits per second as they are written in a config.
fn bits(rate: u64) -> String {
    let units = [(1_000_000_000, "gbit"), (1_000_000, "mbit"), (1000, "kbit")];
    match units.iter().find(|(factor, _)| rate >= *factor && rate.is_multiple_of(*factor)) {
        Some((factor, unit)) => format!("{}{unit}", rate / factor),
        None => format!("{rate}bit"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: Limits = Limits { memory: 512 << 20, cpus: 2.0, pids: 100, disk: 1 << 30, rate: None };

    #[test]
    fn what_an_experiment_does_not_ask_for_is_the_node_s_and_less_is_honoured() {
        assert_eq!(NODE.narrowed(AskedLimits::default()).expect("nothing asked"), NODE);
        let asked = AskedLimits {
            memory: Some(64 << 20),
            cpus: Some(0.5),
            pids: Some(100),
            disk: Some(1 << 20),
            rate: Some(5_000_000),
        };
        let limits = NODE.narrowed(asked).expect("less");
        let expected =
            Limits { memory: 64 << 20, cpus: 0.5, pids: 100, disk: 1 << 20, rate: Some(5_000_000) };
        assert_eq!(limits, expected);
        let slow = Limits { rate: Some(1_000_000), ..NODE };
        assert_eq!(slow.narrowed(AskedLimits::default()).expect("the node's").rate, Some(1_000_000));
    }

    #[test]
    fn more_than_the_node_allows_is_refused_with_value_and_ceiling() {
        let node = Limits { rate: Some(10_000_000), ..NODE };
        let nothing = AskedLimits::default();
        let cases = [
            (AskedLimits { memory: Some(1 << 30), ..nothing }, "limits.memory of 1g, this node allows 512m"),
            (AskedLimits { cpus: Some(2.5), ..nothing }, "limits.cpus of 2.5, this node allows 2"),
            (AskedLimits { pids: Some(101), ..nothing }, "limits.pids of 101, this node allows 100"),
            (
                AskedLimits { disk: Some((1 << 30) + 1), ..nothing },
                "limits.disk of 1073741825 bytes, this node allows 1g",
            ),
            (
                AskedLimits { rate: Some(10_500_000), ..nothing },
                "limits.rate of 10500kbit, this node allows 10mbit",
            ),
        ];
        for (asked, expected) in cases {
            let error = node.narrowed(asked).expect_err(expected);
            assert_eq!(error.message(), format!("experiment config asks for {expected}"));
            assert!(error.what_to_do().is_some());
        }
    }

    #[test]
    fn quantities_have_units_or_are_refused_by_name() {
        let read = |text: &str| serde_saphyr::from_str::<LimitsText>(text).expect(text).check();
        let asked =
            read("{memory: 64m, cpus: 1, pids: 5, disk: 2g, rate: 1500kbit}").expect("all that can be asked");
        let expected = AskedLimits {
            memory: Some(64 << 20),
            cpus: Some(1.0),
            pids: Some(5),
            disk: Some(2 << 30),
            rate: Some(1_500_000),
        };
        assert_eq!(asked, expected);
        assert_eq!(read("{disk: 1048576}").expect("a number").disk, Some(1 << 20));
        let cases = [
            ("{memory: lots}", "limits.memory \"lots\" is not a size like 512m"),
            ("{disk: 1tbit}", "limits.disk \"1tbit\" is not a size like 512m"),
            ("{disk: 4k}", "limits.disk 4k leaves nothing to run with, it must be at least 1m"),
            ("{rate: 10mbps}", "limits.rate \"10mbps\" is not a rate like 10mbit"),
            ("{rate: 999}", "limits.rate 999bit leaves nothing to send, it must be at least 1kbit"),
            ("{cpus: .nan}", "limits.cpus NaN leaves nothing to run with"),
            ("{cpus: -1}", "limits.cpus -1 leaves nothing to run with"),
            ("{pids: 0}", "limits.pids 0 leaves nothing to run with"),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text).expect_err(text), expected);
        }
        assert!(serde_saphyr::from_str::<LimitsText>("{cpu: 1}").is_err(), "a misspelt key");
    }
}
