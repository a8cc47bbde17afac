//! Texts that are not data of a testbed.

use std::fmt::Display;

use super::{Output, clean, write};

impl Output {
    /// A text of many lines as it is, whatever the format: a script, a manual page.
    pub(crate) fn text(&self, text: &str) {
        self.print(text);
    }

    /// Asks for something; the answer is given on the same line.
    pub(crate) fn prompt(&self, question: impl Display) {
        write(&self.messages, &format!("{}: ", clean(&question.to_string())));
    }
}
