//! A condition made ready to be evaluated, and its evaluation.

use std::sync::Arc;

use super::held::Held;
use super::readings::Series;
use super::tree::Op;
use super::{Value, Verdict};

/// The place of a series among those that a condition names.
pub(super) type Slot = usize;

/// Something that holds or does not.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Condition {
    Always(bool),
    Leaf(Leaf),
    Not(Box<Condition>),
    All(Vec<Condition>),
    Any(Vec<Condition>),
    /// Whether two conditions hold together, or with `false` whether just one does.
    Same(Box<Condition>, Box<Condition>, bool),
    /// Whether it has held without a break for so many microseconds.
    For {
        /// Where it is noted since when it holds, and when it did not.
        place: usize,
        condition: Box<Condition>,
        us: i64,
        label: Arc<str>,
    },
}

/// The smallest condition, with its text and what is named in it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Leaf {
    pub(super) label: Arc<str>,
    pub(super) test: Test,
    pub(super) terms: Vec<Term>,
}

/// Something that a condition names, as it is written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Term {
    pub(super) label: Arc<str>,
    pub(super) unit: &'static str,
    pub(super) read: Read,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Read {
    /// A sample; where it is a number, times a factor, plus an offset.
    Sample(Sample, f64, f64),
    Number(Number),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Test {
    Flag(Sample),
    Changed(Slot),
    Numbers(Op, Number, Number),
    /// Whether two texts, flags or values of a kind that nobody knows beforehand are equal, or not.
    Values(bool, Operand, Operand),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Operand {
    Value(Value),
    Sample(Sample),
}

/// A sample of a series: the newest, or one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sample {
    pub(super) slot: Slot,
    pub(super) back: usize,
}

/// Something that is a number.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Number {
    Constant(f64),
    /// A sample, times a factor, plus an offset.
    Sample(Sample, f64, f64),
    /// What became of the samples of so many microseconds; their number at most.
    Of(Summary, Slot, Span, f64, f64),
    Age(Slot),
    Negative(Box<Number>),
    Absolute(Box<Number>),
    Arithmetic(Op, Box<Number>, Box<Number>),
}

/// Which samples are summed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Span {
    /// The newest ones.
    Samples(usize),
    /// Those of the last microseconds.
    Us(i64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Summary {
    Mean,
    Least,
    Most,
    Deviation,
}

/// Why something is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// Nothing has been read yet.
    NotRead(Slot),
    /// The source has no value.
    NoValue(Slot),
    /// The newest reading is too old.
    Stale(Slot),
    /// It has not been read often enough.
    TooFew(Slot),
    /// The value is of another kind than the condition needs.
    OtherKind(Sample),
    /// A division by zero, or a number beyond all.
    NoNumber,
    /// It has not held for long enough, and whether it did before is not known.
    TooShort,
}

/// Whether a condition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Truth {
    Met,
    NotMet,
    Unknown(Why),
}

impl Truth {
    pub(super) const fn verdict(self) -> Verdict {
        match self {
            Self::Met => Verdict::Met,
            Self::NotMet => Verdict::NotMet,
            Self::Unknown(_) => Verdict::Unknown,
        }
    }
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Self::Met } else { Self::NotMet }
    }
}

/// What a condition is evaluated on.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    /// All series there are.
    pub(super) series: &'a [Series],
    /// Which of them the slots of the condition are.
    pub(super) slots: &'a [usize],
    /// The time, in microseconds.
    pub(super) now: i64,
}

impl<'a> View<'a> {
    pub(super) fn series(&self, slot: Slot) -> &'a Series {
        &self.series[self.slots[slot]]
    }

    /// The value of a sample, if its series is fresh.
    pub(super) fn value(&self, Sample { slot, back }: Sample) -> Result<&'a Value, Why> {
        let series = self.fresh(slot)?;
        let (_, value) = series.sample(back).ok_or(Why::TooFew(slot))?;
        value.as_ref().ok_or(Why::NoValue(slot))
    }

    fn fresh(&self, slot: Slot) -> Result<&'a Series, Why> {
        let series = self.series(slot);
        match series.newest_at() {
            None => Err(Why::NotRead(slot)),
            Some(_) if series.is_stale(self.now) => Err(Why::Stale(slot)),
            Some(_) => Ok(series),
        }
    }

    pub(super) fn number(&self, number: &Number) -> Result<f64, Why> {
        let finite = |number: f64| if number.is_finite() { Ok(number) } else { Err(Why::NoNumber) };
        match number {
            Number::Constant(number) => Ok(*number),
            Number::Sample(sample, factor, offset) => match self.value(*sample)? {
                Value::Number(number) => Ok(number * factor + offset),
                Value::Flag(_) | Value::Text(_) => Err(Why::OtherKind(*sample)),
            },
            Number::Of(summary, slot, span, factor, offset) => {
                let summed = self.summary(*summary, *slot, *span)?;
                // A difference has no offset.
                let offset = if *summary == Summary::Deviation { 0.0 } else { *offset };
                finite(summed * factor + offset)
            }
            Number::Age(slot) => {
                let series = self.series(*slot);
                let at = match (series.valued_at(), series.newest_at()) {
                    (Some(at), _) => at,
                    (None, Some(_)) => return Err(Why::NoValue(*slot)),
                    (None, None) => return Err(Why::NotRead(*slot)),
                };
                #[expect(clippy::cast_precision_loss, reason = "ages are far below 2^52 µs")]
                let age = (self.now - at) as f64 / 1e6;
                Ok(age.max(0.0))
            }
            Number::Negative(inner) => self.number(inner).map(|number| -number),
            Number::Absolute(inner) => self.number(inner).map(f64::abs),
            Number::Arithmetic(op, left, right) => {
                let (left, right) = (self.number(left)?, self.number(right)?);
                finite(match op {
                    Op::Add => left + right,
                    Op::Subtract => left - right,
                    Op::Multiply => left * right,
                    _ => left / right,
                })
            }
        }
    }

    fn summary(&self, summary: Summary, slot: Slot, span: Span) -> Result<f64, Why> {
        // Those of before tell nothing of now once the source has no value.
        self.value(Sample { slot, back: 0 })?;
        let series = self.series(slot);
        let from = match span {
            Span::Samples(_) => i64::MIN,
            Span::Us(us) => self.now - us,
        };
        let most = match span {
            Span::Samples(most) => most,
            Span::Us(_) => usize::MAX,
        };
        let (mut count, mut mean, mut squares) = (0.0, 0.0, 0.0);
        let (mut least, mut greatest) = (f64::INFINITY, f64::NEG_INFINITY);
        for (back, (at, value)) in series.newest_first().take(most).enumerate() {
            if *at <= from {
                break;
            }
            match value {
                Some(Value::Number(number)) => {
                    // Welford's way, which loses no digits.
                    count += 1.0;
                    let apart = number - mean;
                    mean += apart / count;
                    squares += apart * (number - mean);
                    (least, greatest) = (least.min(*number), greatest.max(*number));
                }
                Some(_) => return Err(Why::OtherKind(Sample { slot, back })),
                None => {}
            }
        }
        match summary {
            Summary::Deviation if count < 2.0 => Err(Why::TooFew(slot)),
            _ if count == 0.0 => Err(Why::TooFew(slot)),
            Summary::Mean => Ok(mean),
            Summary::Least => Ok(least),
            Summary::Most => Ok(greatest),
            Summary::Deviation => Ok((squares / (count - 1.0)).sqrt()),
        }
    }

    fn operand<'b>(&self, operand: &'b Operand) -> Result<&'b Value, Why>
    where
        'a: 'b,
    {
        match operand {
            Operand::Value(value) => Ok(value),
            Operand::Sample(sample) => self.value(*sample),
        }
    }

    pub(super) fn test(&self, test: &Test) -> Truth {
        let holds = || -> Result<bool, Why> {
            match test {
                Test::Flag(sample) => match self.value(*sample)? {
                    Value::Flag(flag) => Ok(*flag),
                    Value::Number(_) | Value::Text(_) => Err(Why::OtherKind(*sample)),
                },
                Test::Changed(slot) => {
                    let newest = self.value(Sample { slot: *slot, back: 0 })?;
                    Ok(newest != self.value(Sample { slot: *slot, back: 1 })?)
                }
                Test::Numbers(op, left, right) => {
                    let (left, right) = (self.number(left)?, self.number(right)?);
                    #[expect(clippy::float_cmp, reason = "who writes == wants it")]
                    Ok(match op {
                        Op::Less => left < right,
                        Op::LessOrEqual => left <= right,
                        Op::Greater => left > right,
                        Op::GreaterOrEqual => left >= right,
                        Op::Unequal => left != right,
                        _ => left == right,
                    })
                }
                Test::Values(equal, left, right) => {
                    let (one, other) = (self.operand(left)?, self.operand(right)?);
                    if one.kind() != other.kind() {
                        let sample = [left, right].into_iter().find_map(|operand| match operand {
                            Operand::Sample(sample) => Some(*sample),
                            Operand::Value(_) => None,
                        });
                        return Err(sample.map_or(Why::NoNumber, Why::OtherKind));
                    }
                    Ok((one == other) == *equal)
                }
            }
        };
        match holds() {
            Ok(holds) => holds.into(),
            Err(why) => Truth::Unknown(why),
        }
    }

    /// Evaluates a condition in Kleene's strong logic. `held` notes since when those of
    /// [`Condition::For`] hold, so every part is looked at.
    pub(super) fn condition(&self, condition: &Condition, held: &mut [Held]) -> Truth {
        match condition {
            Condition::Always(holds) => (*holds).into(),
            Condition::Leaf(leaf) => self.test(&leaf.test),
            Condition::Not(inner) => match self.condition(inner, held) {
                Truth::Met => Truth::NotMet,
                Truth::NotMet => Truth::Met,
                unknown @ Truth::Unknown(_) => unknown,
            },
            Condition::All(parts) => self.join(parts, held, Truth::NotMet, Truth::Met),
            Condition::Any(parts) => self.join(parts, held, Truth::Met, Truth::NotMet),
            Condition::Same(left, right, same) => {
                match (self.condition(left, held), self.condition(right, held)) {
                    (unknown @ Truth::Unknown(_), _) | (_, unknown @ Truth::Unknown(_)) => unknown,
                    (left, right) => ((left == right) == *same).into(),
                }
            }
            Condition::For { place, condition, us, label: _ } => {
                let truth = self.condition(condition, held);
                held[*place].look(truth, *us, self.now)
            }
        }
    }

    /// `decisive` if a part is that, `other` if all are; not known otherwise.
    fn join(&self, parts: &[Condition], held: &mut [Held], decisive: Truth, other: Truth) -> Truth {
        let mut joined = other;
        for part in parts {
            let truth = self.condition(part, held);
            if truth == decisive {
                // Nothing is noted in what follows.
                if held.is_empty() {
                    return decisive;
                }
                joined = decisive;
            } else if joined == other {
                joined = truth;
            }
        }
        joined
    }
}
