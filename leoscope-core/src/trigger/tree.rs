//! A condition as it is written, and how it is printed.

use std::fmt;
use std::ops::Range;

use super::fields::Alias;

/// A part of a condition and its place in the text, in bytes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) expr: Expr,
    pub(super) span: Range<usize>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expr {
    Number(f64),
    Text(String),
    Flag(bool),
    /// A field, by its dotted name.
    Name(String),
    /// A field of one satellite: its name, and the part's.
    Satellite(String, String),
    Call(String, Vec<Node>),
    Not(Box<Node>),
    Negative(Box<Node>),
    Absolute(Box<Node>),
    Binary(Op, Box<Node>, Box<Node>),
    /// What could not be read, with those of its parts that could; the mistake has been noted.
    Hole(Vec<Node>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Op {
    Or,
    And,
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
}

/// How tightly `not`, and a sign, bind.
pub(super) const NOT: u8 = 3;
pub(super) const SIGN: u8 = 7;

impl Op {
    pub(super) const fn sign(self) -> &'static str {
        match self {
            Self::Or => "or",
            Self::And => "and",
            Self::Equal => "==",
            Self::Unequal => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
        }
    }

    /// How tightly it binds.
    pub(super) const fn strength(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And => 2,
            _ if self.is_comparison() => 4,
            Self::Add | Self::Subtract => 5,
            _ => 6,
        }
    }

    pub(super) const fn is_comparison(self) -> bool {
        matches!(
            self,
            Self::Equal
                | Self::Unequal
                | Self::Less
                | Self::LessOrEqual
                | Self::Greater
                | Self::GreaterOrEqual
        )
    }
}

impl Node {
    fn strength(&self) -> u8 {
        match &self.expr {
            Expr::Binary(op, ..) => op.strength(),
            Expr::Not(_) => NOT,
            Expr::Negative(_) => SIGN,
            _ => u8::MAX,
        }
    }

    /// Prints it where something of at least `strength` is needed.
    fn print(&self, strength: u8, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.strength() < strength {
            return write!(f, "({self})");
        }
        match &self.expr {
            Expr::Number(number) => print_number(*number, f),
            Expr::Text(text) => quoted(text, f),
            Expr::Flag(flag) => write!(f, "{flag}"),
            Expr::Name(name) => f.write_str(&canonical(name)),
            Expr::Satellite(name, part) => {
                f.write_str("satellite[")?;
                quoted(name, f)?;
                write!(f, "].{part}")
            }
            Expr::Call(name, arguments) => {
                write!(f, "{name}(")?;
                for (place, argument) in arguments.iter().enumerate() {
                    f.write_str(if place == 0 { "" } else { ", " })?;
                    argument.print(0, f)?;
                }
                f.write_str(")")
            }
            Expr::Not(inner) => {
                f.write_str("not ")?;
                inner.print(NOT, f)
            }
            Expr::Negative(inner) => {
                f.write_str("-")?;
                inner.print(SIGN, f)
            }
            Expr::Absolute(inner) => {
                f.write_str("|")?;
                inner.print(Op::Add.strength(), f)?;
                f.write_str("|")
            }
            Expr::Binary(op, left, right) => {
                let strength = op.strength();
                // Comparisons do not follow each other; the others group to the left.
                left.print(if op.is_comparison() { strength + 1 } else { strength }, f)?;
                write!(f, " {} ", op.sign())?;
                right.print(strength + 1, f)
            }
            Expr::Hole(_) => f.write_str("?"),
        }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.print(0, f)
    }
}

/// Prints a number as it is read again, with an exponent where there would be many zeros.
fn print_number(number: f64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let size = number.abs();
    if size == 0.0 || (1e-5..1e15).contains(&size) { write!(f, "{number}") } else { write!(f, "{number:e}") }
}

fn quoted(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    // A text has no quotes of both kinds in it.
    let quote = if text.contains('"') { '\'' } else { '"' };
    write!(f, "{quote}{text}{quote}")
}

/// The field's own name for an alias in the same unit; history stays behind it.
fn canonical(name: &str) -> String {
    let (base, suffix) = without_history(name);
    let same = |name: &str| Alias::find(name).filter(|alias| alias.conversion.is_none());
    match (same(name), same(base)) {
        (Some(alias), _) => alias.field.to_string(),
        (None, Some(alias)) => format!("{}{suffix}", alias.field),
        (None, None) => name.to_owned(),
    }
}

/// A name without `_1` to `_5` or `_avg` at its end, and that.
pub(super) fn without_history(name: &str) -> (&str, &str) {
    let at = name.rfind('_').filter(|at| matches!(&name[at + 1..], "1" | "2" | "3" | "4" | "5" | "avg"));
    at.map_or((name, ""), |at| name.split_at(at))
}
