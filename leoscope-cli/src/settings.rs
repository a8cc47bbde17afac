//! Where the value of an option comes from: command line, environment, profile file, default.
//!
//! The layers below the command line are laid under clap's own definition as default values, so an
//! option needs no code of its own for them.

mod profile;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error as _;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{ArgPredicate, OsStr, Resettable};
use clap::error::ContextKind;
use clap::{Arg, ArgAction, Command, Id};
use leoscope_core::{Error, Result};

use profile::Profile;

/// The environment variables of the process.
pub(crate) type Env = BTreeMap<String, String>;

/// Name of the argument groups of which one member is meant to be given: where one is on the command
/// line, the others take no value from the environment or the profile.
pub(crate) const SELECTOR: &str = "selector";

/// `command` with the values of `env` and of the profile file as defaults of the options of the
/// command that `args` names.
///
/// An option `--grpc-host` is `LEOSCOPE_GRPC_HOST` in the environment and `grpc-host` or
/// `grpc_host` in a profile; a flag is `true` or `false` there; `--no-x` is `false` for `x`.
/// An empty value counts as absent. What a `delete` deletes is named on the command line alone.
///
/// # Errors
/// A value that its option refuses, named by where it stands; a profile that cannot be read.
pub(crate) fn layered(command: Command, args: &[OsString], env: &Env) -> Result<Command> {
    // Help and version need no values, and must work with a broken profile.
    let Some(asked) = Asked::read(&command, args) else { return Ok(command) };
    let profile = Profile::load(asked.profile, asked.profile_file, env, &option_names(&command))?;
    apply(command, &asked.path, &Layers { env, profile })
}

/// The directory below which programs keep what is to last: `$XDG_STATE_HOME`, else `~/.local/state`.
pub(crate) fn state_home(env: &Env) -> Option<PathBuf> {
    home(env, "XDG_STATE_HOME", ".local/state")
}

fn home(env: &Env, variable: &str, below_home: &str) -> Option<PathBuf> {
    let var = |name: &str| env.get(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    var(variable).or_else(|| Some(var("HOME")?.join(below_home)))
}

/// What has to be known of the command line before it can be parsed in full.
struct Asked {
    path: Vec<String>,
    profile: Option<String>,
    profile_file: Option<PathBuf>,
}

impl Asked {
    /// Reads past all errors, which the real parse reports; `None` for help and version.
    fn read(command: &Command, args: &[OsString]) -> Option<Self> {
        let matches = command.clone().ignore_errors(true).try_get_matches_from(args).ok()?;
        let profile = matches.try_get_one("profile").ok().flatten().cloned();
        let profile_file = matches.try_get_one("profile_file").ok().flatten().cloned();
        let mut path = Vec::new();
        let mut level = &matches;
        while let Some((name, below)) = level.subcommand() {
            path.push(name.to_owned());
            level = below;
        }
        Some(Self { path, profile, profile_file })
    }
}

/// The long names of all options of all commands.
fn option_names(command: &Command) -> BTreeSet<String> {
    let own = command.get_arguments().filter_map(Arg::get_long).map(str::to_owned);
    own.chain(command.get_subcommands().flat_map(option_names)).collect()
}

struct Layers<'a> {
    env: &'a Env,
    profile: Profile,
}

/// A value and where it stands.
struct Found {
    value: String,
    origin: String,
}

impl Layers<'_> {
    fn in_environment(&self, option: &str) -> Option<Found> {
        let name = format!("LEOSCOPE_{}", option.replace('-', "_").to_ascii_uppercase());
        let value = self.env.get(&name).filter(|value| !value.is_empty())?.clone();
        Some(Found { value, origin: name })
    }

    fn in_profile(&self, option: &str) -> Option<Found> {
        let (value, origin) = self.profile.get(option)?;
        Some(Found { value, origin })
    }
}

fn apply(command: Command, path: &[String], layers: &Layers<'_>) -> Result<Command> {
    let selectors: Vec<Id> = command
        .get_groups()
        .filter(|group| group.get_id() == SELECTOR)
        .flat_map(|group| group.get_args().cloned())
        .collect();
    let selected_by_environment = command.get_arguments().any(|arg| {
        selectors.contains(arg.get_id())
            && arg.get_long().is_some_and(|option| layers.in_environment(option).is_some())
    });
    // What is deleted or changed is named on the command line alone: a forgotten variable must not
    // choose it.
    let deletes = matches!(command.get_name(), "delete" | "modify" | "reschedule");
    let mut faults = Vec::new();
    let command = command.mut_args(|arg| {
        if deletes && !arg.is_global_set() {
            return arg;
        }
        let is_selector = selectors.contains(arg.get_id());
        let found = arg.get_long().and_then(|option| {
            let from_profile = !(is_selector && selected_by_environment);
            layers.in_environment(option).or_else(|| layers.in_profile(option).filter(|_| from_profile))
        });
        let Some(found) = found.filter(|_| takes_settings(&arg)) else { return arg };
        let value = match check(&arg, found) {
            Ok(value) => value,
            Err(error) => {
                faults.push(error);
                return arg;
            }
        };
        let own = arg.get_id().clone();
        let others = selectors.iter().filter(|other| is_selector && **other != own);
        // A flag shows no default anyway, and clap will not have it hidden.
        let hidden = arg.get_action().takes_values();
        let arg = arg.required(false).default_value(value).hide_default_value(hidden);
        others.fold(arg, |arg, other| {
            arg.default_value_if(other, ArgPredicate::IsPresent, Resettable::<OsStr>::Reset)
        })
    });
    if let Some(fault) = faults.into_iter().next() {
        return Err(fault);
    }
    let Some((name, rest)) = path.split_first() else { return Ok(command) };
    let mut outcome = Ok(());
    let command = command.mut_subcommand(name, |sub| {
        apply(sub.clone(), rest, layers).unwrap_or_else(|error| {
            outcome = Err(error);
            sub
        })
    });
    outcome.map(|()| command)
}

/// `--no-x` is written as `x = false`; where the profile is cannot stand in it.
fn takes_settings(arg: &Arg) -> bool {
    let negative = matches!(arg.get_action(), ArgAction::SetTrue)
        && arg.get_long().is_some_and(|option| option.starts_with("no-"));
    !negative && !matches!(arg.get_id().as_str(), "profile" | "profile_file")
}

/// Has the option's own parser look at the value, so that an error can say where it stands.
fn check(arg: &Arg, Found { value, origin }: Found) -> Result<String> {
    if matches!(arg.get_action(), ArgAction::SetTrue) {
        return match value.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Ok("true".into()),
            "false" | "0" | "no" | "off" => Ok("false".into()),
            _ => Err(Error::invalid(format!("{origin}: {value:?} is neither true nor false"))
                .hint("write true or false")),
        };
    }
    let probe = Arg::new("value")
        .long("value")
        .action(arg.get_action().clone())
        .value_parser(arg.get_value_parser().clone());
    let parsed = Command::new("probe")
        .no_binary_name(true)
        .arg(probe)
        .try_get_matches_from([format!("--value={value}")]);
    let Err(answer) = parsed else { return Ok(value) };
    if let Some(error) = answer.source().and_then(|source| source.downcast_ref::<Error>()) {
        return Err(error.clone().context(origin));
    }
    let error = match answer.source() {
        Some(source) => Error::invalid(format!("{origin}: invalid value {value:?}: {source}")),
        None => Error::invalid(format!("{origin}: invalid value {value:?}")),
    };
    Err(match answer.get(ContextKind::ValidValue) {
        Some(valid) => error.hint(format!("use one of {valid}")),
        None => error,
    })
}

#[cfg(test)]
mod tests;
