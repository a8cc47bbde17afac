//! Values that conditions are about.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// What sort of value something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A number; its unit belongs to its field.
    Number,
    /// Yes or no.
    Flag,
    /// A text.
    Text,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Number => "a number",
            Self::Flag => "yes or no",
            Self::Text => "a text",
        })
    }
}

/// A value. Numbers are finite; what has none has no value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// Yes or no.
    Flag(bool),
    /// A finite number, in the unit of its field.
    Number(f64),
    /// A text.
    Text(Arc<str>),
}

// Numbers are finite, so each equals itself.
impl Eq for Value {}

impl Value {
    /// A number; `None` for one that is not finite.
    pub fn number(number: f64) -> Option<Self> {
        number.is_finite().then_some(Self::Number(number))
    }

    /// A text.
    pub fn text(text: &str) -> Self {
        Self::Text(text.into())
    }

    /// What sort of value it is.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Number(_) => Kind::Number,
            Self::Flag(_) => Kind::Flag,
            Self::Text(_) => Kind::Text,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => flag.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => fmt::Debug::fmt(text, f),
        }
    }
}
