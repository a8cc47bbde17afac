//! What of a condition can be told before its time.

use super::tree::{Expr, Node, Op};
use super::{Key, Trigger, parse};
use crate::time::SignedDuration;

/// What of a condition can be told before its time.
#[derive(Debug, Clone, PartialEq)]
pub enum Foreseeable {
    /// All of it.
    All,
    /// Some of the conditions that it joins with `and`: where these do not hold, it does not. It depends
    /// on more.
    Part {
        /// What can be told.
        part: Trigger,
        /// What cannot be, of the rest.
        unforeseen: Vec<Key>,
    },
    /// Nothing, because of these.
    Nothing {
        /// What cannot be told.
        unforeseen: Vec<Key>,
    },
}

impl Trigger {
    /// What of it can be told before its time, where `may_be` says what can be of what it names.
    pub fn foreseeable(&self, may_be: impl Fn(&Key) -> bool) -> Foreseeable {
        let unforeseen: Vec<Key> = self.keys().iter().filter(|key| !may_be(key)).cloned().collect();
        if unforeseen.is_empty() {
            return Foreseeable::All;
        }
        let mut found = super::mistake::Found::new(&self.0.canonical);
        let mut joined = Vec::new();
        take_apart(parse::parse(&self.0.canonical, &mut found), &mut joined);
        let known = joined.into_iter().filter(|node| {
            let part = Self::parse(&node.to_string());
            part.is_ok_and(|part| part.keys().iter().all(&may_be))
        });
        let part = known.reduce(|left, right| Node {
            span: left.span.start..right.span.end,
            expr: Expr::Binary(Op::And, Box::new(left), Box::new(right)),
        });
        match part.and_then(|part| Self::parse(&part.to_string()).ok()) {
            Some(part) => Foreseeable::Part { part, unforeseen },
            None => Foreseeable::Nothing { unforeseen },
        }
    }

    /// For how long before an instant it looks at readings.
    pub fn looks_back(&self) -> SignedDuration {
        let condition = &self.checked().condition;
        let readings = (0..self.keys().len()).map(|slot| condition.reach(slot).1).max().unwrap_or(0);
        let samples = (0..self.keys().len()).map(|slot| condition.reach(slot).0).max().unwrap_or(0);
        let held = condition.settles_after().unwrap_or(0);
        SignedDuration::from_micros(readings.saturating_add(held))
            .saturating_add(SignedDuration::from_secs(i64::try_from(samples).unwrap_or(0)))
    }
}

/// The conditions that are joined with `and` at the top.
fn take_apart(node: Node, into: &mut Vec<Node>) {
    match node.expr {
        Expr::Binary(Op::And, left, right) => {
            take_apart(*left, into);
            take_apart(*right, into);
        }
        _ => into.push(node),
    }
}
