//! When the condition of a job will hold.

use crate::time::{SignedDuration, Window};
use crate::trigger::Key;

/// What of a condition a forecast tells.
#[derive(Debug, Clone, PartialEq)]
pub enum Reach {
    /// When it holds.
    Exact,
    /// When it may hold: outside the windows it does not.
    Necessary {
        /// The part of it that was looked at.
        part: String,
        /// What cannot be told before its time.
        unforeseen: Vec<Key>,
    },
}

/// A time at which a condition is expected to hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Expected {
    /// From the first second to the one after the last.
    pub window: Window,
    /// By how much its edges may be wrong, as the elements age: one standard deviation, in seconds.
    pub sigma_s: f64,
    /// How old the elements are then, in the median of the visible satellites; `None` without satellites.
    pub element_age: Option<SignedDuration>,
}

/// When a condition will hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// The time that was looked at.
    pub span: Window,
    /// What it tells.
    pub reach: Reach,
    /// When it is expected to hold, in order.
    pub windows: Vec<Expected>,
    /// When that cannot be told, in order: what it names has no value then.
    pub unknown: Vec<Window>,
}
