use std::error::Error as _;

use clap::error::{ContextKind, ContextValue};
use leoscope_core::Error;

/// Why a command line leads to nothing.
#[derive(Debug)]
pub enum Stop {
    /// Help, the version, or a usage error.
    Clap(clap::Error),
    /// A value is wrong, or the file with settings is.
    Error(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<clap::Error> for Stop {
    /// A value refused by one of our own parsers is told in our own words, which say what to do.
    fn from(answer: clap::Error) -> Self {
        let refused = answer.source().and_then(|source| source.downcast_ref::<Error>()).cloned();
        match (refused, answer.get(ContextKind::InvalidArg)) {
            (Some(error), Some(ContextValue::String(option))) => {
                // `--nodeid <NODEID>` without the placeholder.
                let option = option.split(' ').next().unwrap_or(option);
                Self::Error(error.context(option))
            }
            _ => Self::Clap(answer),
        }
    }
}
