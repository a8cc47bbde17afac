//! Where the value of an option comes from: command line, environment, profile file, default.

use std::ffi::OsString;

use clap::Command;
use leoscope_core::Result;
pub(crate) use leoscope_settings::{Env, SELECTOR};
use leoscope_settings::{ProfileChoice, Rules, Strangers};

/// How options are laid over each other. What is deleted or changed is named on the command line
/// alone: a forgotten variable must not choose it.
const RULES: Rules<'static> = Rules {
    commands_by_hand: &[
        "clone",
        "delete",
        "drain",
        "import",
        "modify",
        "reschedule",
        "resume",
        "revoke",
        "rotate",
        "scavenger-set",
        "update",
    ],
    options_by_hand: &["profile", "profile_file", "watch"],
};

/// `command` with the values of `env` and of the profile file as defaults of the options of the
/// command that `args` names.
///
/// # Errors
/// A value that its option refuses, named by where it stands; a profile that cannot be read.
pub(crate) fn layered(command: Command, args: &[OsString], env: &Env) -> Result<Command> {
    leoscope_settings::layered(command, args, env, RULES, |asked, options| {
        let choice = ProfileChoice::new(asked.value("profile"), asked.value("profile_file"), env);
        // A log-in makes the profile that it is told.
        choice.load(options, Strangers::Refused, asked.command() != Some("login"))
    })
}

#[cfg(test)]
mod tests;
