//! How far back a condition looks.

use super::program::{Condition, Number, Operand, Sample, Slot, Span, Test};

/// How many microseconds lie between two looks at a condition when nothing is read.
pub(super) const STEP_US: i64 = 1_000_000;

/// How many samples, and of how many microseconds.
type Reach = (usize, i64);

fn further(one: Reach, other: Reach) -> Reach {
    (one.0.max(other.0), one.1.max(other.1))
}

impl Condition {
    /// How many samples of a slot, and of how many microseconds, it looks at.
    pub(super) fn reach(&self, slot: Slot) -> Reach {
        match self {
            Self::Always(_) => (0, 0),
            Self::Leaf(leaf) => leaf.test.reach(slot),
            Self::Not(inner) | Self::For { condition: inner, .. } => inner.reach(slot),
            Self::All(parts) | Self::Any(parts) => {
                parts.iter().map(|part| part.reach(slot)).fold((0, 0), further)
            }
            Self::Same(left, right, _) => further(left.reach(slot), right.reach(slot)),
        }
    }

    /// How many microseconds after all it names has become stale its verdict may still change without a
    /// reading, because it wants something held for a time; `None` where it may change for ever.
    pub(super) fn settles_after(&self) -> Option<i64> {
        match self {
            Self::Always(_) => Some(0),
            Self::Leaf(leaf) => (!leaf.test.looks_at_age()).then_some(0),
            Self::Not(inner) => inner.settles_after(),
            Self::All(parts) | Self::Any(parts) => {
                parts.iter().try_fold(0_i64, |sum, part| Some(sum.saturating_add(part.settles_after()?)))
            }
            Self::Same(left, right, _) => Some(left.settles_after()?.saturating_add(right.settles_after()?)),
            // It is met once the condition has held for so long, not known any more once it is as long ago
            // that it did not: both are seen at the next look, and only then by what lies around it.
            Self::For { condition, us, .. } => {
                let seen = us.saturating_add(STEP_US - 1) / STEP_US * STEP_US;
                Some(seen.saturating_add(condition.settles_after()?))
            }
        }
    }
}

impl Test {
    fn reach(&self, slot: Slot) -> Reach {
        match self {
            Self::Flag(sample) => sample.reach(slot),
            Self::Changed(of) => (if *of == slot { 2 } else { 0 }, 0),
            Self::Numbers(_, left, right) => further(left.reach(slot), right.reach(slot)),
            Self::Values(_, left, right) => further(left.reach(slot), right.reach(slot)),
        }
    }

    fn looks_at_age(&self) -> bool {
        match self {
            Self::Flag(_) | Self::Changed(_) | Self::Values(..) => false,
            Self::Numbers(_, left, right) => left.looks_at_age() || right.looks_at_age(),
        }
    }
}

impl Operand {
    fn reach(&self, slot: Slot) -> Reach {
        match self {
            Self::Value(_) => (0, 0),
            Self::Sample(sample) => sample.reach(slot),
        }
    }
}

impl Sample {
    fn reach(self, slot: Slot) -> Reach {
        (if self.slot == slot { self.back + 1 } else { 0 }, 0)
    }
}

impl Number {
    fn reach(&self, slot: Slot) -> Reach {
        match self {
            Self::Constant(_) => (0, 0),
            Self::Sample(sample, ..) => sample.reach(slot),
            Self::Of(_, of, ..) | Self::Age(of) if *of != slot => (0, 0),
            Self::Of(_, _, Span::Samples(most), ..) => (*most, 0),
            Self::Of(_, _, Span::Us(us), ..) => (1, *us),
            Self::Age(_) => (1, 0),
            Self::Negative(inner) | Self::Absolute(inner) => inner.reach(slot),
            Self::Arithmetic(_, left, right) => further(left.reach(slot), right.reach(slot)),
        }
    }

    fn looks_at_age(&self) -> bool {
        match self {
            Self::Age(_) => true,
            Self::Constant(_) | Self::Sample(..) | Self::Of(..) => false,
            Self::Negative(inner) | Self::Absolute(inner) => inner.looks_at_age(),
            Self::Arithmetic(_, left, right) => left.looks_at_age() || right.looks_at_age(),
        }
    }
}
