//! What the names in a condition are, and whether its parts fit each other.

mod functions;
mod names;

use std::ops::Range;
use std::sync::Arc;

use super::mistake::Found;
use super::program::{Condition, Leaf, Number, Operand, Read, Sample, Slot, Term, Test};
use super::tree::{Expr, Node, Op};
use super::{Key, Kind, Value};
use names::Named;

pub(super) use names::alike;

/// What a part of a condition turned out to be.
#[derive(Debug, Clone, PartialEq)]
enum Typed {
    Condition(Condition),
    Number(Number),
    Text(Operand),
    /// An operator's own field, whose kind nobody knows beforehand.
    Any(Sample),
    /// Something of which a mistake has been noted already.
    Hole,
}

impl Typed {
    const fn is(&self) -> &'static str {
        match self {
            Self::Condition(_) => "a condition",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::Any(_) | Self::Hole => "a value",
        }
    }
}

/// A condition with what it names.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Checked {
    pub(super) condition: Condition,
    /// What its slots are of, each once, in the order of the text.
    pub(super) keys: Vec<Key>,
    /// How many places it needs to note since when something holds.
    pub(super) places: usize,
}

/// Checks a condition that has been read; what is wrong is noted in `found`.
pub(super) fn check(node: &Node, found: &mut Found<'_>) -> Checked {
    let mut checker = Checker { found, keys: Vec::new(), places: 0, terms: Vec::new() };
    let condition = checker.condition(node);
    let Checker { keys, places, .. } = checker;
    Checked { condition, keys, places }
}

struct Checker<'b, 'c> {
    found: &'b mut Found<'c>,
    keys: Vec<Key>,
    places: usize,
    /// What has been named since the last smallest condition.
    terms: Vec<Term>,
}

const COMPARE: &str = "compare it with something, for example satellite_elevation > 40";
const CONNECT: &str = "compare numbers or texts, and connect conditions with 'and' or 'or'";

/// A smallest condition with its text and what is named in it.
fn leaf(node: &Node, test: Test, terms: Vec<Term>) -> Condition {
    Condition::Leaf(Leaf { label: Arc::from(node.to_string()), test, terms })
}

impl Checker<'_, '_> {
    fn fault(&mut self, span: &Range<usize>, message: impl Into<String>, help: Option<&str>) {
        self.found.add(span.clone(), message, help.map(str::to_owned));
    }

    fn slot(&mut self, key: Key) -> Slot {
        self.keys.iter().position(|other| *other == key).unwrap_or_else(|| {
            self.keys.push(key);
            self.keys.len() - 1
        })
    }

    /// A smallest condition with its text and what has been named since the last one.
    fn leaf(&mut self, node: &Node, test: Test) -> Condition {
        leaf(node, test, std::mem::take(&mut self.terms))
    }

    /// A sample of a field as what its kind makes of it.
    fn sampled(&mut self, node: &Node, named: Named, back: usize) -> Typed {
        let Named { key, factor, offset, unit } = named;
        let kind = key.kind();
        let sample = Sample { slot: self.slot(key), back };
        self.names(node, unit, Read::Sample(sample, factor, offset));
        match kind {
            None => Typed::Any(sample),
            Some(Kind::Number) => Typed::Number(Number::Sample(sample, factor, offset)),
            Some(Kind::Text) => Typed::Text(Operand::Sample(sample)),
            Some(Kind::Flag) => Typed::Condition(self.leaf(node, Test::Flag(sample))),
        }
    }

    /// Notes what `node` names.
    fn names(&mut self, node: &Node, unit: &'static str, read: Read) {
        self.terms.push(Term { label: Arc::from(node.to_string()), unit, read });
    }

    fn condition(&mut self, node: &Node) -> Condition {
        match self.typed(node) {
            Typed::Condition(condition) => condition,
            Typed::Any(sample) => self.leaf(node, Test::Flag(sample)),
            Typed::Hole => Condition::Always(false),
            other => {
                self.fault(&node.span, format!("this is {}, no condition", other.is()), Some(COMPARE));
                Condition::Always(false)
            }
        }
    }

    fn number(&mut self, node: &Node) -> Number {
        match self.typed(node) {
            Typed::Number(number) => number,
            Typed::Any(sample) => Number::Sample(sample, 1.0, 0.0),
            Typed::Hole => Number::Constant(0.0),
            other => {
                self.fault(&node.span, format!("this is {}, no number", other.is()), Some(CONNECT));
                Number::Constant(0.0)
            }
        }
    }

    fn typed(&mut self, node: &Node) -> Typed {
        match &node.expr {
            Expr::Number(number) => Typed::Number(Number::Constant(*number)),
            Expr::Text(text) => Typed::Text(Operand::Value(Value::text(text))),
            Expr::Flag(flag) => Typed::Condition(Condition::Always(*flag)),
            Expr::Name(name) => self.name(node, name),
            Expr::Satellite(name, part) => self.satellite(node, name, part),
            Expr::Call(name, arguments) => self.call(node, name, arguments),
            Expr::Not(inner) => Typed::Condition(Condition::Not(Box::new(self.condition(inner)))),
            Expr::Negative(inner) => Typed::Number(match self.number(inner) {
                Number::Constant(number) => Number::Constant(-number),
                number => Number::Negative(Box::new(number)),
            }),
            Expr::Absolute(inner) => Typed::Number(Number::Absolute(Box::new(self.number(inner)))),
            Expr::Binary(op @ (Op::And | Op::Or), left, right) => {
                let mut parts = Vec::new();
                for side in [left, right] {
                    match (op, self.condition(side)) {
                        (Op::And, Condition::All(inner)) | (Op::Or, Condition::Any(inner)) => {
                            parts.extend(inner);
                        }
                        (_, other) => parts.push(other),
                    }
                }
                Typed::Condition(if *op == Op::And { Condition::All(parts) } else { Condition::Any(parts) })
            }
            Expr::Binary(op, left, right) if op.is_comparison() => {
                Typed::Condition(self.comparison(node, *op, left, right))
            }
            Expr::Binary(op, left, right) => {
                let (left, right) = (self.number(left), self.number(right));
                Typed::Number(Number::Arithmetic(*op, Box::new(left), Box::new(right)))
            }
            Expr::Hole(parts) => self.hole(parts),
        }
    }

    /// Looks for mistakes in what is of no use any more.
    fn hole(&mut self, parts: &[Node]) -> Typed {
        for part in parts {
            self.typed(part);
        }
        Typed::Hole
    }

    fn comparison(&mut self, node: &Node, op: Op, left: &Node, right: &Node) -> Condition {
        // What one side names must not be told of the other, which may be a condition by itself.
        let one = self.typed(left);
        let of_left = std::mem::take(&mut self.terms);
        let other = self.typed(right);
        let of_right = std::mem::take(&mut self.terms);
        let both = || [of_left.clone(), of_right.clone()].concat();
        let is_equal = op == Op::Equal;
        let orders = !matches!(op, Op::Equal | Op::Unequal);
        let number = |typed: Typed| match typed {
            Typed::Number(number) => Some(number),
            Typed::Any(sample) => Some(Number::Sample(sample, 1.0, 0.0)),
            _ => None,
        };
        match (one, other) {
            (Typed::Hole, _) | (_, Typed::Hole) => Condition::Always(false),
            (one @ (Typed::Number(_) | Typed::Any(_)), other @ (Typed::Number(_) | Typed::Any(_)))
                if orders || !matches!((&one, &other), (Typed::Any(_), Typed::Any(_))) =>
            {
                match (number(one), number(other)) {
                    (Some(one), Some(other)) => leaf(node, Test::Numbers(op, one, other), both()),
                    _ => Condition::Always(false),
                }
            }
            (one, other) if orders => {
                let (what, span) = match (&one, &other) {
                    (Typed::Number(_) | Typed::Any(_), _) => (other.is(), &right.span),
                    _ => (one.is(), &left.span),
                };
                let help = format!("only numbers are ordered; '{}' is for them", op.sign());
                self.found.add(span.clone(), format!("this is {what}, no number"), Some(help));
                Condition::Always(false)
            }
            (Typed::Any(one), Typed::Any(other)) => {
                leaf(node, Test::Values(is_equal, Operand::Sample(one), Operand::Sample(other)), both())
            }
            (Typed::Text(one), Typed::Text(other)) => leaf(node, Test::Values(is_equal, one, other), both()),
            (Typed::Any(sample), Typed::Text(text)) | (Typed::Text(text), Typed::Any(sample)) => {
                leaf(node, Test::Values(is_equal, Operand::Sample(sample), text), both())
            }
            (Typed::Any(sample), Typed::Condition(flag)) => {
                let flagged = leaf(left, Test::Flag(sample), of_left);
                Condition::Same(Box::new(flagged), Box::new(flag), is_equal)
            }
            (Typed::Condition(flag), Typed::Any(sample)) => {
                let flagged = leaf(right, Test::Flag(sample), of_right);
                Condition::Same(Box::new(flag), Box::new(flagged), is_equal)
            }
            (Typed::Condition(one), Typed::Condition(other)) => {
                Condition::Same(Box::new(one), Box::new(other), is_equal)
            }
            (one, other) => {
                let message = format!("{} is compared with {}", one.is(), other.is());
                let help = match (&one, &other) {
                    (Typed::Text(_), _) | (_, Typed::Text(_)) => "texts stand in quotes, numbers do not",
                    _ => "compare yes or no with true or false, or leave the comparison out",
                };
                self.fault(&node.span, message, Some(help));
                Condition::Always(false)
            }
        }
    }
}
