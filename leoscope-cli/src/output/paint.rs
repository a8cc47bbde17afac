//! Colours, for those who can see them.

use std::fmt::Display;

use crate::settings::Env;

/// How a text stands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ink {
    Bold,
    Dim,
    Red,
    Green,
    Yellow,
    Blue,
    Magenta,
    Cyan,
}

impl Ink {
    /// Its number in the escape sequence.
    const fn code(self) -> u8 {
        match self {
            Self::Bold => 1,
            Self::Dim => 2,
            Self::Red => 31,
            Self::Green => 32,
            Self::Yellow => 33,
            Self::Blue => 34,
            Self::Magenta => 35,
            Self::Cyan => 36,
        }
    }
}

/// Whether colours are on; off unless somebody found that they are welcome.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Paint {
    is_on: bool,
}

impl Paint {
    /// Colours where they are `welcome` and shown on a terminal.
    pub(crate) const fn new(welcome: bool, is_terminal: bool) -> Self {
        Self { is_on: welcome && is_terminal }
    }

    /// Whether the environment lets programs use colours, see <https://no-color.org>.
    pub(crate) fn is_welcome(env: &Env) -> bool {
        let is_refused = env.get("NO_COLOR").is_some_and(|value| !value.is_empty());
        !is_refused && env.get("TERM").is_none_or(|terminal| terminal != "dumb")
    }

    /// `text` in `ink`, where colours are on. The text must not steer a terminal itself.
    pub(crate) fn with(self, ink: Ink, text: impl Display) -> String {
        if self.is_on { format!("\x1b[{}m{text}\x1b[0m", ink.code()) } else { text.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_terminals_whose_people_want_them() {
        let env = |pairs: &[(&str, &str)]| -> Env {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        assert!(Paint::is_welcome(&env(&[])));
        assert!(Paint::is_welcome(&env(&[("NO_COLOR", ""), ("TERM", "xterm")])));
        assert!(!Paint::is_welcome(&env(&[("NO_COLOR", "1"), ("TERM", "xterm")])));
        assert!(!Paint::is_welcome(&env(&[("TERM", "dumb")])));
        assert_eq!(Paint::new(true, true).with(Ink::Red, "x"), "\x1b[31mx\x1b[0m");
        for paint in [Paint::default(), Paint::new(true, false), Paint::new(false, true)] {
            assert_eq!(paint.with(Ink::Red, "x"), "x");
        }
    }
}
