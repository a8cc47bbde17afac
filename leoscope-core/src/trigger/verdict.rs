//! What came of evaluating a condition.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Key, Value};
use crate::time::Timestamp;

/// Whether a condition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Verdict {
    /// It holds.
    Met,
    /// It does not hold.
    NotMet,
    /// It cannot be told.
    Unknown,
}

impl Verdict {
    /// Its name in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Met => "MET",
            Self::NotMet => "NOT_MET",
            Self::Unknown => "UNKNOWN",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A verdict and what it rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The verdict.
    pub verdict: Verdict,
    /// One line for people to read that says why, with the values.
    pub why: String,
    /// What the condition names, in the order of its text, each once.
    pub used: Vec<Used>,
}

/// What was known of something that a condition names.
#[derive(Debug, Clone, PartialEq)]
pub struct Used {
    /// Of what.
    pub key: Key,
    /// The newest value, stale or not; `None` where there is none.
    pub value: Option<Value>,
    /// When that was observed; `None` where it never was.
    pub at: Option<Timestamp>,
}
