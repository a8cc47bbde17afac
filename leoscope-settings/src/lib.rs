//! Where the value of an option comes from: command line, environment, file, default.
//!
//! The layers below the command line are laid under clap's own definition as default values, so an
//! option needs no code of its own for them. An option `--grpc-host` is `LEOSCOPE_GRPC_HOST` in the
//! environment and `grpc-host` or `grpc_host` in a file; a flag is `true` or `false` there, and
//! `--no-x` is `false` for `x`. An empty value counts as absent.

mod file;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error as _;
use std::ffi::OsString;

use clap::builder::{ArgPredicate, OsStr, Resettable};
use clap::error::ContextKind;
use clap::{Arg, ArgAction, ArgMatches, Command, Id};
use leoscope_core::{Error, Result};

pub use file::{File, parse, read};

/// The environment variables of the process.
pub type Env = BTreeMap<String, String>;

/// Name of the argument groups of which one member is meant to be given.
pub const SELECTOR: &str = "selector";

/// What libraries that see whole calls may log at most, as directives of a log filter: in detail
/// they would show what is sent, with the credentials in it, and whole images.
pub const QUIET: [&str; 9] = [
    "bollard=info",
    "h2=info",
    "hyper=info",
    "hyper_util=info",
    "mongodb=info",
    "rustls=info",
    "tonic=info",
    "tower=info",
    "tower_http=info",
];

/// What a program wants of the layers.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// The commands whose own options are given on the command line alone.
    pub by_hand: &'a [&'a str],
    /// The options (by their ids) that say where the file is, and cannot stand in it.
    pub about_the_file: &'a [&'a str],
}

/// `command` with the values of `env` and of a file as defaults of the options of the command that
/// `args` names. `load` is told what has been asked for and which options there are.
///
/// Where an option is given that conflicts with another, or is in one [group](SELECTOR) with it, the
/// other takes no value from a lower layer.
///
/// # Errors
/// A value that its option refuses, named by where it stands, and those of `load`.
pub fn layered(
    command: Command,
    args: &[OsString],
    env: &Env,
    rules: Rules<'_>,
    load: impl FnOnce(&Asked, &BTreeSet<String>) -> Result<File>,
) -> Result<Command> {
    // Help and version need no values, and must work with a broken file.
    let Some(asked) = Asked::read(&command, args) else { return Ok(command) };
    let mut options = option_names(&command);
    for arg in command.get_arguments().filter(|arg| rules.about_the_file.contains(&arg.get_id().as_str())) {
        options.remove(arg.get_long().unwrap_or_default());
    }
    let file = load(&asked, &options)?;
    apply(command, &asked.path, &Layers { env, file, rules })
}

/// What is known of the command line before it is parsed in full.
pub struct Asked {
    path: Vec<String>,
    matches: ArgMatches,
}

impl std::fmt::Debug for Asked {
    // Some of the values are secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Asked").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Asked {
    /// Reads past all errors, which the real parse reports; `None` for help and version.
    fn read(command: &Command, args: &[OsString]) -> Option<Self> {
        let matches = command.clone().ignore_errors(true).try_get_matches_from(args).ok()?;
        let mut path = Vec::new();
        let mut level = &matches;
        while let Some((name, below)) = level.subcommand() {
            path.push(name.to_owned());
            level = below;
        }
        Some(Self { path, matches })
    }

    /// The value of an option of the program itself, if it is on the command line.
    pub fn value<T: Clone + Send + Sync + 'static>(&self, id: &str) -> Option<T> {
        self.matches.try_get_one(id).ok().flatten().cloned()
    }
}

/// The long names of all options of all commands.
fn option_names(command: &Command) -> BTreeSet<String> {
    let own = command.get_arguments().filter_map(Arg::get_long).map(str::to_owned);
    own.chain(command.get_subcommands().flat_map(option_names)).collect()
}

struct Layers<'a> {
    env: &'a Env,
    file: File,
    rules: Rules<'a>,
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

    fn in_file(&self, option: &str) -> Option<Found> {
        let (value, origin) = self.file.get(option)?;
        Some(Found { value, origin })
    }
}

/// For each option those that are given instead of it.
fn rivals(command: &Command) -> BTreeMap<Id, BTreeSet<Id>> {
    let mut rivals: BTreeMap<Id, BTreeSet<Id>> = BTreeMap::new();
    let mut add = |one: &Id, other: &Id| {
        if one != other {
            rivals.entry(one.clone()).or_default().insert(other.clone());
            rivals.entry(other.clone()).or_default().insert(one.clone());
        }
    };
    for group in command.get_groups().filter(|group| group.get_id() == SELECTOR) {
        for one in group.get_args() {
            group.get_args().for_each(|other| add(one, other));
        }
    }
    for arg in command.get_arguments().filter(|arg| !arg.is_global_set()) {
        command.get_arg_conflicts_with(arg).into_iter().for_each(|other| add(arg.get_id(), other.get_id()));
    }
    rivals
}

fn apply(command: Command, path: &[String], layers: &Layers<'_>) -> Result<Command> {
    let rivals = rivals(&command);
    let in_environment: BTreeSet<Id> = command
        .get_arguments()
        .filter(|arg| arg.get_long().is_some_and(|option| layers.in_environment(option).is_some()))
        .map(|arg| arg.get_id().clone())
        .collect();
    let by_hand = layers.rules.by_hand.contains(&command.get_name());
    let mut faults = Vec::new();
    let command = command.mut_args(|arg| {
        if by_hand && !arg.is_global_set() {
            return arg;
        }
        let own = rivals.get(arg.get_id());
        let is_outranked = own.is_some_and(|rivals| !rivals.is_disjoint(&in_environment));
        let found = arg.get_long().and_then(|option| {
            layers.in_environment(option).or_else(|| layers.in_file(option).filter(|_| !is_outranked))
        });
        let takes = takes_settings(&arg, layers.rules.about_the_file);
        let Some(found) = found.filter(|_| takes) else { return arg };
        let value = match check(&arg, found) {
            Ok(value) => value,
            Err(error) => {
                faults.push(error);
                return arg;
            }
        };
        // A flag shows no default anyway, and clap will not have it hidden.
        let hidden = arg.get_action().takes_values();
        let arg = arg.required(false).default_value(value).hide_default_value(hidden);
        own.into_iter().flatten().fold(arg, |arg, other| {
            arg.default_value_if(other.clone(), ArgPredicate::IsPresent, Resettable::<OsStr>::Reset)
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

/// `--no-x` is written as `x = false`; where the file is cannot stand in it.
fn takes_settings(arg: &Arg, about_the_file: &[&str]) -> bool {
    let negative = matches!(arg.get_action(), ArgAction::SetTrue)
        && arg.get_long().is_some_and(|option| option.starts_with("no-"));
    !negative && !about_the_file.contains(&arg.get_id().as_str())
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
