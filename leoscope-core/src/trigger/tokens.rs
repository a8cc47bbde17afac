//! The words and signs of a condition.

use std::fmt;
use std::ops::Range;

use super::mistake::Found;
use super::tree::Op;

/// A word or sign.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Token<'a> {
    Number(f64),
    Text(&'a str),
    Name(&'a str),
    Operator(Op),
    Not,
    /// The sign that stands around a value, or for `or`.
    Bar,
    /// Two of them without a space between.
    Bars,
    Open,
    Close,
    OpenBracket,
    CloseBracket,
    Dot,
    Comma,
    /// What means nothing; the mistake has been noted.
    Nothing,
    End,
}

impl fmt::Display for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(_) => f.write_str("a number"),
            Self::Text(_) => f.write_str("a text in quotes"),
            Self::Name(text) => write!(f, "'{text}'"),
            Self::Operator(op) => write!(f, "'{}'", op.sign()),
            Self::Not => f.write_str("'not'"),
            Self::Bar => f.write_str("'|'"),
            Self::Bars => f.write_str("'||'"),
            Self::Open => f.write_str("'('"),
            Self::Close => f.write_str("')'"),
            Self::OpenBracket => f.write_str("'['"),
            Self::CloseBracket => f.write_str("']'"),
            Self::Dot => f.write_str("'.'"),
            Self::Comma => f.write_str("','"),
            Self::Nothing => f.write_str("this"),
            Self::End => f.write_str("the end"),
        }
    }
}

/// The signs, longer ones before those they begin with.
const SIGNS: [(&str, Token<'static>); 21] = [
    ("&&", Token::Operator(Op::And)),
    ("||", Token::Bars),
    ("<=", Token::Operator(Op::LessOrEqual)),
    (">=", Token::Operator(Op::GreaterOrEqual)),
    ("==", Token::Operator(Op::Equal)),
    ("!=", Token::Operator(Op::Unequal)),
    ("&", Token::Operator(Op::And)),
    ("|", Token::Bar),
    ("!", Token::Not),
    ("<", Token::Operator(Op::Less)),
    (">", Token::Operator(Op::Greater)),
    ("+", Token::Operator(Op::Add)),
    ("-", Token::Operator(Op::Subtract)),
    ("*", Token::Operator(Op::Multiply)),
    ("/", Token::Operator(Op::Divide)),
    ("(", Token::Open),
    (")", Token::Close),
    ("[", Token::OpenBracket),
    ("]", Token::CloseBracket),
    (",", Token::Comma),
    (".", Token::Dot),
];

/// All tokens of `text` with their places, [`Token::End`] last.
pub(super) fn tokens<'a>(text: &'a str, found: &mut Found<'_>) -> Vec<(Token<'a>, Range<usize>)> {
    let mut tokens = Vec::with_capacity(text.len() / 3 + 1);
    let mut at = 0;
    loop {
        at += text[at..].len() - text[at..].trim_start().len();
        let rest = &text[at..];
        let Some(first) = rest.chars().next() else {
            tokens.push((Token::End, at..at));
            return tokens;
        };
        let (token, length) = token(rest, first, at, found);
        tokens.push((token, at..at + length));
        at += length;
    }
}

/// The token that `rest` begins with, and its length in bytes.
fn token<'a>(rest: &'a str, first: char, at: usize, found: &mut Found<'_>) -> (Token<'a>, usize) {
    let is_digit = |c: char| c.is_ascii_digit();
    if is_digit(first) || (first == '.' && rest[1..].starts_with(is_digit)) {
        return number(rest, at, found);
    }
    if first == '"' || first == '\'' {
        return match rest[1..].find(first) {
            Some(end) => (Token::Text(&rest[1..=end]), end + 2),
            None => {
                found.add(
                    at..at + rest.len(),
                    "this text has no end",
                    Some(format!("close it with {first}")),
                );
                (Token::Nothing, rest.len())
            }
        };
    }
    if first.is_ascii_alphabetic() || first == '_' {
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
        let word = match &rest[..end] {
            "and" | "AND" => Token::Operator(Op::And),
            "or" | "OR" => Token::Operator(Op::Or),
            "not" | "NOT" => Token::Not,
            name => Token::Name(name),
        };
        return (word, end);
    }
    if let Some((sign, token)) = SIGNS.iter().find(|(sign, _)| rest.starts_with(sign)) {
        return (*token, sign.len());
    }
    if first == '=' {
        // What was meant is plain, so reading goes on with it.
        found.add(at..at + 1, "'=' compares nothing", Some("write ==".into()));
        return (Token::Operator(Op::Equal), 1);
    }
    let length = first.len_utf8();
    let help =
        SIGNS_ELSEWHERE.iter().find(|(signs, _)| signs.contains(first)).map(|(_, help)| (*help).into());
    found.add(at..at + length, format!("{first:?} means nothing in a trigger"), help);
    (Token::Nothing, length)
}

/// What people write for signs that conditions have, and what to write.
const SIGNS_ELSEWHERE: [(&str, &str); 11] = [
    ("≥⩾", "write >="),
    ("≤⩽", "write <="),
    ("≠~", "write !="),
    ("∧;", "write and"),
    ("∨", "write or"),
    ("¬", "write not"),
    ("×·", "write *"),
    ("÷", "write /"),
    ("−–—", "write -"),
    ("“”„‘’´`", "texts stand in straight quotes, ' or \""),
    ("{}", "parts are put together in parentheses"),
];

fn number<'a>(rest: &'a str, at: usize, found: &mut Found<'_>) -> (Token<'a>, usize) {
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
    let is_over = !rest[end..].starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '.'));
    match rest[..end].parse::<f64>() {
        Ok(number) if number.is_finite() && is_over => (Token::Number(number), end),
        _ => {
            let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.');
            let word = rest.find(|c| !is_word(c)).unwrap_or(rest.len()).max(end);
            let help = "write numbers like 40, 0.5 or 2.5e6, without units".to_owned();
            found.add(at..at + word, format!("{:?} is not a number", &rest[..word]), Some(help));
            (Token::Nothing, word)
        }
    }
}
