//! `leoscope profile`: the sets of settings in the profile file.

use clap::{Args, Subcommand};
use leoscope_core::Result;
use leoscope_settings::{ConnectionArgs, Env, ProfileChoice, Profiles, tokens};
use serde_json::json;

use crate::exit::ExitStatus;
use crate::output::{Output, Setting, whole_profile};

/// The `profile` commands.
#[derive(Debug, Subcommand)]
pub(crate) enum ProfileCommand {
    /// List the profiles
    List,
    /// Show what a profile sets; tokens as ***
    Show(Show),
    /// Choose the profile that is used where none is named
    Use(Named),
    /// Remove a profile and the access token that is kept for it
    Remove(Named),
}

/// Options of `profile show`.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The profile [default: the one in use]
    name: Option<String>,
}

/// Which profile.
#[derive(Debug, Args)]
pub(crate) struct Named {
    /// The profile
    name: String,
}

/// Runs a `profile` command.
pub(crate) fn run(
    command: ProfileCommand,
    args: ConnectionArgs,
    env: &Env,
    out: &Output,
) -> Result<ExitStatus> {
    let mut profiles = Profiles::open(&ProfileChoice::new(args.profile, args.profile_file, env))?;
    match command {
        ProfileCommand::List => out.list(profiles.all()),
        ProfileCommand::Show(Show { name }) => {
            let profile = profiles.get(name.as_deref().unwrap_or(profiles.chosen()))?;
            out.either(|| Setting::list(profile), || whole_profile(profile));
        }
        ProfileCommand::Use(Named { name }) => {
            profiles.get(&name)?;
            profiles.make_current(&name);
            profiles.save()?;
            out.done(&name, &format!("profile {name} is used from now on"), json!({}));
        }
        ProfileCommand::Remove(Named { name }) => {
            forget(&mut profiles, &name)?;
            out.done(&name, &format!("profile {name} is removed"), json!({}));
        }
    }
    Ok(ExitStatus::Done)
}

/// Removes the profile `name` and the token that a log-in has kept for it.
///
/// # Errors
/// [`NotFound`](leoscope_core::ErrorKind::NotFound) where there is neither.
fn forget(profiles: &mut Profiles, name: &str) -> Result<()> {
    if !profiles.remove(name) {
        return profiles.get(name).map(|_| ());
    }
    profiles.save()?;
    // A profile of another name has no such file.
    match tokens::place(name, profiles.file()) {
        Ok(file) => tokens::forget(&file).map(|_| ()),
        Err(_) => Ok(()),
    }
}
