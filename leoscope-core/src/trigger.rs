//! Triggers: the conditions under which a run starts.
//!
//! A condition is read and checked once ([`Trigger::parse`]), which tells all that is wrong with it at
//! once, and then evaluated over readings ([`Watches`]). It holds, does not hold, or cannot be told:
//! what was not read, or too long ago, is never taken for a value.
//!
//! ```
//! use leoscope_core::time::parse_time;
//! use leoscope_core::trigger::{Field, Sample, Trigger, Verdict, Watches};
//!
//! # fn main() -> leoscope_core::Result<()> {
//! let trigger = Trigger::parse("dish.latency < 40 and not dish.obstructed")?;
//! let mut watches = Watches::new();
//! watches.set("my job", &trigger);
//!
//! let now = parse_time("2026-12-01T00:00:00")?;
//! let readings = [Sample::number(Field::DISH_LATENCY, 57.2, now)];
//! watches.take_in(&readings, now);
//! let answer = watches.judge(&"my job", now).expect("it is watched");
//! assert_eq!(answer.verdict, Verdict::NotMet);
//! assert_eq!(answer.why, "dish.latency < 40 does not hold: dish.latency was 57.2 ms");
//! # Ok(())
//! # }
//! ```

mod backtest;
mod check;
mod clock;
mod explain;
mod fields;
mod foresee;
mod given;
mod held;
mod key;
mod mistake;
mod name;
mod parse;
mod predict;
mod program;
mod reach;
mod readings;
mod recording;
mod tokens;
mod tree;
mod value;
mod verdict;
mod watches;

use std::fmt;
use std::sync::Arc;

pub use backtest::{Assumed, Backtest, backtest};
pub use clock::of_clock;
pub use fields::{Ahead, Alias, Conversion, Field, FieldInfo, Source};
pub use foresee::Foreseeable;
pub use given::{Given, judge_given};
pub use key::Key;
pub use mistake::{Mistake, Mistakes};
pub use name::Name;
pub use predict::predict;
pub use readings::Sample;
pub use recording::{Columns, Recording};
pub use value::{Kind, Value};
pub use verdict::{Explanation, Used, Verdict};
pub use watches::Watches;

use check::Checked;
use mistake::Found;

/// The longest trigger in bytes.
pub const MAX_BYTES: usize = 2_048;

/// A condition that has been read, checked and made ready to be evaluated. A clone is the same one.
#[derive(Debug, Clone, PartialEq)]
pub struct Trigger(Arc<Parts>);

#[derive(Debug, PartialEq)]
struct Parts {
    text: String,
    canonical: String,
    checked: Checked,
}

impl Trigger {
    /// Reads a condition, for example `satellite_elevation > 40 and not dish.obstructed`.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Mistakes> {
        let mut found = Found::new(text);
        if text.len() > MAX_BYTES {
            let message = format!("it is {} bytes long, at most {MAX_BYTES} are allowed", text.len());
            return Err(Mistakes::too_long(text, message));
        }
        let node = parse::parse(text, &mut found);
        let checked = check::check(&node, &mut found);
        let parts = Parts { text: text.to_owned(), canonical: node.to_string(), checked };
        found.or(Self(Arc::new(parts)))
    }

    /// The condition as it was written.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// What it names, each once, in the order of its text.
    pub fn keys(&self) -> &[Key] {
        &self.0.checked.keys
    }

    fn checked(&self) -> &Checked {
        &self.0.checked
    }
}

/// In its canonical form: fields by their own names where they are in the same unit, no more parentheses
/// than it takes.
impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.canonical)
    }
}

#[cfg(test)]
mod tests;
