//! Triggers: the conditions under which a run starts.
//!
//! What is here tells whether a text is a condition at all: how it is written, and that it is
//! something which holds or does not. Which fields there are, and what they say, is known where the
//! condition is evaluated.

mod tokens;

use tokens::{Token, Tokens};

use crate::error::Error;

/// The longest trigger in bytes.
pub const MAX_BYTES: usize = 2_048;

/// How deep parentheses and signs may lie in each other.
const MAX_DEPTH: usize = 64;

/// What a part of a trigger is, as far as its form tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// It holds or does not.
    Condition,
    /// A number or a text.
    Value,
    /// A field, a function or a truth value, which may be either.
    Unknown,
}

/// Checks that `text` is a condition, for example `satellite_elevation > 40 and not weather.rain`.
///
/// # Errors
/// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) that begins with `trigger: ` and says what
/// is wrong at which character, counted from 1.
pub fn check(text: &str) -> Result<(), Error> {
    if text.len() > MAX_BYTES {
        return Err(Error::invalid(format!(
            "trigger: it is {} bytes long, at most {MAX_BYTES} are allowed",
            text.len()
        )));
    }
    let mut parser = Parser { tokens: Tokens::new(text), depth: 0 };
    let start = parser.tokens.at();
    let shape = parser.or()?;
    match parser.tokens.next()? {
        Token::End => parser.condition(shape, start),
        other => Err(parser
            .tokens
            .fault(&format!("{other} does not belong here"))
            .hint("connect conditions with 'and' or 'or'")),
    }
}

struct Parser<'a> {
    tokens: Tokens<'a>,
    depth: usize,
}

impl Parser<'_> {
    /// Refuses what is no condition where one is needed.
    fn condition(&self, shape: Shape, at: usize) -> Result<(), Error> {
        match shape {
            Shape::Condition | Shape::Unknown => Ok(()),
            Shape::Value => Err(self
                .tokens
                .fault_at(at, "this is a value, no condition")
                .hint("compare it with something, for example satellite_elevation > 40")),
        }
    }

    /// Refuses a condition where a value is needed.
    fn value(&self, shape: Shape, at: usize) -> Result<(), Error> {
        match shape {
            Shape::Value | Shape::Unknown => Ok(()),
            Shape::Condition => Err(self
                .tokens
                .fault_at(at, "this is a condition, no value")
                .hint("compare numbers or texts, and connect conditions with 'and' or 'or'")),
        }
    }

    fn connected(
        &mut self,
        connector: Token<'static>,
        part: fn(&mut Self) -> Result<Shape, Error>,
    ) -> Result<Shape, Error> {
        let start = self.tokens.at();
        let mut shape = part(self)?;
        while self.tokens.take(connector)? {
            self.condition(shape, start)?;
            let next = self.tokens.at();
            shape = part(self)?;
            self.condition(shape, next)?;
            shape = Shape::Condition;
        }
        Ok(shape)
    }

    fn or(&mut self) -> Result<Shape, Error> {
        self.connected(Token::Or, Self::and)
    }

    fn and(&mut self) -> Result<Shape, Error> {
        self.connected(Token::And, Self::not)
    }

    fn not(&mut self) -> Result<Shape, Error> {
        if !self.tokens.take(Token::Not)? {
            return self.comparison();
        }
        self.deeper(|parser| {
            let at = parser.tokens.at();
            let shape = parser.not()?;
            parser.condition(shape, at).map(|()| Shape::Condition)
        })
    }

    fn comparison(&mut self) -> Result<Shape, Error> {
        let left_at = self.tokens.at();
        let left = self.sum()?;
        if !matches!(self.tokens.peek()?, Token::Compare(_)) {
            return Ok(left);
        }
        self.value(left, left_at)?;
        self.tokens.next()?;
        let right_at = self.tokens.at();
        let right = self.sum()?;
        self.value(right, right_at)?;
        match self.tokens.peek()? {
            other @ Token::Compare(_) => Err(self
                .tokens
                .fault_at(self.tokens.at(), &format!("{other} follows another comparison"))
                .hint("write both, connected with 'and': 20 < x and x < 40")),
            _ => Ok(Shape::Condition),
        }
    }

    fn sum(&mut self) -> Result<Shape, Error> {
        self.arithmetic(&["+", "-"], Self::product)
    }

    fn product(&mut self) -> Result<Shape, Error> {
        self.arithmetic(&["*", "/"], Self::sign)
    }

    fn arithmetic(
        &mut self,
        signs: &[&str],
        part: fn(&mut Self) -> Result<Shape, Error>,
    ) -> Result<Shape, Error> {
        let start = self.tokens.at();
        let mut shape = part(self)?;
        while let Token::Arithmetic(sign) = self.tokens.peek()? {
            if !signs.contains(&sign) {
                break;
            }
            self.value(shape, start)?;
            self.tokens.next()?;
            let next = self.tokens.at();
            shape = part(self)?;
            self.value(shape, next)?;
            shape = Shape::Value;
        }
        Ok(shape)
    }

    fn sign(&mut self) -> Result<Shape, Error> {
        if !self.tokens.take(Token::Arithmetic("-"))? {
            return self.primary();
        }
        self.deeper(|parser| {
            let at = parser.tokens.at();
            let shape = parser.sign()?;
            parser.value(shape, at).map(|()| Shape::Value)
        })
    }

    fn primary(&mut self) -> Result<Shape, Error> {
        match self.tokens.next()? {
            Token::Number | Token::Text => Ok(Shape::Value),
            Token::Name("true" | "false") => Ok(Shape::Unknown),
            Token::Name(_) => self.field(),
            Token::Open => self.deeper(|parser| {
                let shape = parser.or()?;
                parser.expect(Token::Close).map(|()| shape)
            }),
            // The same sign stands for 'or' between two conditions.
            Token::Or => self.deeper(|parser| {
                let at = parser.tokens.at();
                let shape = parser.sum()?;
                parser.value(shape, at)?;
                parser.expect(Token::Or).map(|()| Shape::Value)
            }),
            Token::Stray("=") => Err(self.tokens.fault("'=' compares nothing").hint("write ==")),
            other => Err(self
                .tokens
                .fault(&format!("{other} stands where a value is expected"))
                .hint("write a field, a number or a condition in parentheses")),
        }
    }

    /// What follows a name: parts after dots, a named object in brackets, or arguments.
    fn field(&mut self) -> Result<Shape, Error> {
        loop {
            if self.tokens.take(Token::Dot)? {
                match self.tokens.next()? {
                    Token::Name(_) => {}
                    other => {
                        return Err(self
                            .tokens
                            .fault(&format!("{other} follows a dot, where a name is expected")));
                    }
                }
            } else if self.tokens.take(Token::OpenBracket)? {
                self.expect(Token::Text)?;
                self.expect(Token::CloseBracket)?;
            } else if self.tokens.take(Token::Open)? {
                self.deeper(Self::arguments)?;
                return Ok(Shape::Unknown);
            } else {
                return Ok(Shape::Unknown);
            }
        }
    }

    fn arguments(&mut self) -> Result<(), Error> {
        if self.tokens.take(Token::Close)? {
            return Ok(());
        }
        loop {
            self.or()?;
            if !self.tokens.take(Token::Comma)? {
                return self.expect(Token::Close);
            }
        }
    }

    fn expect(&mut self, wanted: Token<'static>) -> Result<(), Error> {
        match self.tokens.next()? {
            found if found == wanted => Ok(()),
            other => Err(self.tokens.fault(&format!("{other} stands where {wanted} is expected"))),
        }
    }

    fn deeper<T>(&mut self, part: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.tokens.fault(&format!("this lies more than {MAX_DEPTH} levels deep")));
        }
        let outcome = part(self);
        self.depth -= 1;
        outcome
    }
}

#[cfg(test)]
mod tests;
