//! How a node hands results over.

use serde::Deserialize;

use super::limits::{Quantity, parse_bits, parse_size, size};

/// How a node hands results over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboxConfig {
    /// The most bits per second that are sent; as many as the link carries when `None`.
    pub rate: Option<u64>,
    /// From how many bytes of waiting results on no more runs are begun.
    pub budget: u64,
}

/// The smallest values that let anything be handed over.
const LEAST_RATE: u64 = 8_000;
const LEAST_BUDGET: u64 = 1 << 20;

impl Default for OutboxConfig {
    fn default() -> Self {
        Self { rate: None, budget: 20 << 30 }
    }
}

/// The key `outbox` as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OutboxText {
    rate: Option<Quantity>,
    budget: Option<Quantity>,
}

impl OutboxText {
    /// Reads the values; the error says which is none.
    pub(super) fn check(self) -> Result<OutboxConfig, String> {
        let Self { rate, budget } = self;
        let default = OutboxConfig::default();
        let rate = rate
            .map(|rate| rate.read(parse_bits, || "outbox.rate {} is not a rate like 5mbit".into()))
            .transpose()?;
        if let Some(rate) = rate.filter(|rate| *rate < LEAST_RATE) {
            return Err(format!(
                "outbox.rate of {rate} bits per second sends nothing, it must be at least 8kbit"
            ));
        }
        let budget = budget
            .map(|budget| budget.read(parse_size, || "outbox.budget {} is not a size like 20g".into()))
            .transpose()?
            .unwrap_or(default.budget);
        if budget < LEAST_BUDGET {
            return Err(format!("outbox.budget {} holds no results, it must be at least 1m", size(budget)));
        }
        Ok(OutboxConfig { rate, budget })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ExecutorConfig;

    #[test]
    fn rate_and_budget_are_read_and_what_cannot_work_is_refused_by_name() {
        let read = |text: &str| ExecutorConfig::parse(text).map(|config| config.outbox);
        assert_eq!(read("").expect("nothing"), OutboxConfig::default());
        let given = read("outbox: {rate: 5mbit, budget: 2g}").expect("both");
        assert_eq!(given, OutboxConfig { rate: Some(5_000_000), budget: 2 << 30 });
        for (text, expected) in [
            ("outbox: {rate: fast}", "executor config outbox.rate \"fast\" is not a rate like 5mbit"),
            (
                "outbox: {rate: 1kbit}",
                "executor config outbox.rate of 1000 bits per second sends nothing, it must be at least 8kbit",
            ),
            (
                "outbox: {budget: 10k}",
                "executor config outbox.budget 10k holds no results, it must be at least 1m",
            ),
            ("outbox: {budget: all}", "executor config outbox.budget \"all\" is not a size like 20g"),
        ] {
            assert_eq!(read(text).expect_err(text).message(), expected);
        }
        read("outbox: {speed: 1mbit}").expect_err("an unknown key");
    }
}
