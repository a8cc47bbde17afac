//! The words and signs of a trigger.

use std::fmt;

use crate::error::Error;

/// A word or sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Number,
    Text,
    Name(&'a str),
    And,
    Or,
    Not,
    Compare(&'a str),
    Arithmetic(&'a str),
    Open,
    Close,
    OpenBracket,
    CloseBracket,
    Dot,
    Comma,
    /// A sign that means nothing by itself.
    Stray(&'a str),
    End,
}

impl fmt::Display for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number => f.write_str("a number"),
            Self::Text => f.write_str("a text in quotes"),
            Self::Name(text) | Self::Compare(text) | Self::Arithmetic(text) | Self::Stray(text) => {
                write!(f, "'{text}'")
            }
            Self::And => f.write_str("'and'"),
            Self::Or => f.write_str("'or'"),
            Self::Not => f.write_str("'not'"),
            Self::Open => f.write_str("'('"),
            Self::Close => f.write_str("')'"),
            Self::OpenBracket => f.write_str("'['"),
            Self::CloseBracket => f.write_str("']'"),
            Self::Dot => f.write_str("'.'"),
            Self::Comma => f.write_str("','"),
            Self::End => f.write_str("the end"),
        }
    }
}

/// The signs, longer ones before those they begin with.
const SIGNS: [(&str, Token<'static>); 24] = [
    ("&&", Token::And),
    ("||", Token::Or),
    ("<=", Token::Compare("<=")),
    (">=", Token::Compare(">=")),
    ("==", Token::Compare("==")),
    ("!=", Token::Compare("!=")),
    ("&", Token::And),
    ("|", Token::Or),
    ("!", Token::Not),
    ("<", Token::Compare("<")),
    (">", Token::Compare(">")),
    ("=", Token::Stray("=")),
    ("+", Token::Arithmetic("+")),
    ("-", Token::Arithmetic("-")),
    ("*", Token::Arithmetic("*")),
    ("/", Token::Arithmetic("/")),
    ("(", Token::Open),
    (")", Token::Close),
    ("[", Token::OpenBracket),
    ("]", Token::CloseBracket),
    (",", Token::Comma),
    (".", Token::Dot),
    ("%", Token::Stray("%")),
    ("^", Token::Stray("^")),
];

/// The tokens of a text, read one after the other.
pub(super) struct Tokens<'a> {
    text: &'a str,
    /// Where what has not been read begins.
    rest: usize,
    /// Where the token read last begins.
    last: usize,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, rest: text.len() - text.trim_start().len(), last: 0 }
    }

    /// Where the next token begins.
    pub(super) fn at(&self) -> usize {
        self.rest
    }

    /// The next token, which stays the next.
    pub(super) fn peek(&mut self) -> Result<Token<'a>, Error> {
        let (rest, last) = (self.rest, self.last);
        let token = self.next();
        (self.rest, self.last) = (rest, if token.is_err() { self.last } else { last });
        token
    }

    /// Reads the next token if it is `wanted`.
    pub(super) fn take(&mut self, wanted: Token<'_>) -> Result<bool, Error> {
        let is_next = self.peek()? == wanted;
        if is_next {
            self.next()?;
        }
        Ok(is_next)
    }

    pub(super) fn next(&mut self) -> Result<Token<'a>, Error> {
        self.last = self.rest;
        let rest = &self.text[self.rest..];
        let (token, length) = self.first(rest)?;
        let after = &rest[length..];
        self.rest += length + (after.len() - after.trim_start().len());
        Ok(token)
    }

    /// The token that `rest` begins with, and its length.
    fn first(&self, rest: &'a str) -> Result<(Token<'a>, usize), Error> {
        let Some(first) = rest.chars().next() else { return Ok((Token::End, 0)) };
        if first.is_ascii_digit() || (first == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit())) {
            return self.number(rest);
        }
        if first == '"' || first == '\'' {
            let end = rest[1..].find(first).ok_or_else(|| self.fault("this text has no end"))?;
            return Ok((Token::Text, end + 2));
        }
        if first.is_ascii_alphabetic() || first == '_' {
            let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
            let word = match &rest[..end] {
                "and" | "AND" => Token::And,
                "or" | "OR" => Token::Or,
                "not" | "NOT" => Token::Not,
                name => Token::Name(name),
            };
            return Ok((word, end));
        }
        let sign = SIGNS.iter().find(|(sign, _)| rest.starts_with(sign));
        sign.map(|(sign, token)| (*token, sign.len()))
            .ok_or_else(|| self.fault(&format!("{first:?} means nothing in a trigger")))
    }

    fn number(&self, rest: &str) -> Result<(Token<'a>, usize), Error> {
        let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let mut end = digits(rest);
        if rest[end..].starts_with('.') {
            end += 1 + digits(&rest[end + 1..]);
        }
        if rest[end..].starts_with(['e', 'E']) {
            let sign = usize::from(rest[end + 1..].starts_with(['+', '-']));
            let exponent = digits(&rest[end + 1 + sign..]);
            end += if exponent > 0 { 1 + sign + exponent } else { 0 };
        }
        let is_number = rest[..end].parse::<f64>().is_ok_and(f64::is_finite);
        if !is_number || rest[end..].starts_with(|c: char| c.is_alphanumeric() || c == '_') {
            let word =
                rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.'))).unwrap_or(rest.len());
            return Err(self.fault(&format!("{:?} is not a number", &rest[..word.max(end)])));
        }
        Ok((Token::Number, end))
    }

    /// An error about the token read last.
    pub(super) fn fault(&self, what: &str) -> Error {
        self.fault_at(self.last, what)
    }

    /// An error about what stands at byte `at`.
    pub(super) fn fault_at(&self, at: usize, what: &str) -> Error {
        let place = self.text[..at].chars().count() + 1;
        Error::invalid(format!("trigger: at character {place}: {what}"))
    }
}
