//! Where the value of an option comes from: command line, environment, profile file, default.

mod profile;
mod profiles;
mod replace;
pub(crate) mod tokens;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Command;
use leoscope_core::Result;
use leoscope_settings::Rules;
pub(crate) use leoscope_settings::{Env, SELECTOR};
pub(crate) use profile::ProfileChoice;
pub(crate) use profiles::{Profile, Profiles};
pub(crate) use replace::replace;

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
        choice.load(options, asked.command() != Some("login"))
    })
}

/// The directory below which programs keep what is to last: `$XDG_STATE_HOME`, else `~/.local/state`.
pub(crate) fn state_home(env: &Env) -> Option<PathBuf> {
    home(env, "XDG_STATE_HOME", ".local/state")
}

/// The directory below which programs keep their settings: `$XDG_CONFIG_HOME`, else `~/.config`.
fn config_home(env: &Env) -> Option<PathBuf> {
    home(env, "XDG_CONFIG_HOME", ".config")
}

fn home(env: &Env, variable: &str, below_home: &str) -> Option<PathBuf> {
    let var = |name: &str| env.get(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    var(variable).or_else(|| Some(var("HOME")?.join(below_home)))
}

#[cfg(test)]
mod tests;
