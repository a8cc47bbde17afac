//! What is wrong with a condition.

use std::fmt;
use std::ops::Range;

use serde::Serialize;

use crate::error::Error;

/// How many mistakes an error names.
const NAMED: usize = 5;

/// How many characters are shown of a text that is too long.
const BEGINNING: usize = 60;

/// One thing that is wrong with a condition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mistake {
    /// Where it is in the text, in bytes.
    pub span: Range<usize>,
    /// At which character it begins, counted from 1.
    pub character: usize,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

/// All that is wrong with a condition, in the order of its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mistakes {
    /// The condition as it was written.
    pub text: String,
    /// What is wrong, at least one thing.
    pub mistakes: Vec<Mistake>,
}

impl Mistakes {
    /// That `text` is too long to be read; of the text only its beginning is kept.
    pub(super) fn too_long(text: &str, message: String) -> Self {
        let text: String = text.chars().take(BEGINNING).chain(['…']).collect();
        let help = Some("leave out spaces and parentheses that it does not need".to_owned());
        let mistake = Mistake { span: 0..text.len(), character: 1, message, help };
        Self { text, mistakes: vec![mistake] }
    }

    /// The condition with every mistake underlined, for a terminal whose characters are all equally wide.
    pub fn render(&self) -> String {
        // A tab would shift what stands below it.
        let line: String = self.text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let mut lines = vec![line];
        for Mistake { span, character, message, help } in &self.mistakes {
            let width = self.text.get(span.clone()).map_or(1, |part| part.chars().count()).max(1);
            let indent = " ".repeat(character - 1);
            lines.push(format!("{indent}{} {message}", "^".repeat(width)));
            lines.extend(help.as_ref().map(|help| format!("{indent}  help: {help}")));
        }
        lines.join("\n")
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = self.mistakes.iter().take(NAMED);
        for (place, Mistake { character, message, .. }) in told.enumerate() {
            f.write_str(if place == 0 { "" } else { "; " })?;
            write!(f, "at character {character}: {message}")?;
        }
        match self.mistakes.len().saturating_sub(NAMED) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

impl std::error::Error for Mistakes {}

impl From<Mistakes> for Error {
    fn from(mistakes: Mistakes) -> Self {
        let error = Self::invalid(format!("trigger: {mistakes}"));
        match mistakes.mistakes.into_iter().find_map(|mistake| mistake.help) {
            Some(help) => error.hint(help),
            None => error,
        }
    }
}

/// Mistakes as they are found.
#[derive(Debug)]
pub(super) struct Found<'a> {
    text: &'a str,
    mistakes: Vec<Mistake>,
}

impl<'a> Found<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, mistakes: Vec::new() }
    }

    pub(super) fn add(&mut self, span: Range<usize>, message: impl Into<String>, help: Option<String>) {
        // Where two things are wrong with the same word, the first is what matters.
        if self.mistakes.iter().any(|other| other.span == span) {
            return;
        }
        let character = self.text.get(..span.start).map_or(0, |before| before.chars().count()) + 1;
        self.mistakes.push(Mistake { span, character, message: message.into(), help });
    }

    /// `found`, unless there are mistakes.
    pub(super) fn or<T>(mut self, found: T) -> Result<T, Mistakes> {
        if self.mistakes.is_empty() {
            return Ok(found);
        }
        self.mistakes.sort_by_key(|mistake| mistake.span.start);
        Err(Mistakes { text: self.text.to_owned(), mistakes: self.mistakes })
    }
}
