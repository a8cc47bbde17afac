//! Where the value of an option comes from: command line, environment, file, default.
//!
//! The layers below the command line are laid under clap's own definition as default values, so an
//! option needs no code of its own for them. An option `--grpc-host` is `LEOSCOPE_GRPC_HOST` in the
//! environment and `grpc-host` or `grpc_host` in a file; a flag is `true` or `false` there, and
//! `--no-x` is `false` for `x`. An empty value counts as absent.
//!
//! Who calls which orchestrator is asked for by all that call one: [`ConnectionArgs`] are those options,
//! [`connection`] lays the layers over them for libraries, and [`Profiles`] is the file they can stand in.

mod access;
mod connection;
mod file;
mod general;
mod home;
mod log;
mod profile;
mod profiles;
mod replace;
mod stop;
pub mod tokens;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error as _;
use std::ffi::OsString;

use clap::error::ContextKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, Id};
use leoscope_core::{Error, Result};

pub use access::{Access, Credential};
pub use connection::{ConnectionArgs, ProofArgs, connection};
pub use file::{File, Strangers, parse, read};
pub use general::{General, LogFormat};
pub use home::{config_home, state_home};
pub use log::log_filter;
pub use profile::ProfileChoice;
pub use profiles::{Profile, Profiles};
pub use replace::replace;
pub use stop::Stop;

/// The environment variables of the process.
pub type Env = BTreeMap<String, String>;

/// Name of the argument groups of which one member is meant to be given.
pub const SELECTOR: &str = "selector";

/// What a program wants of the layers.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// The commands whose own options are given on the command line alone.
    pub commands_by_hand: &'a [&'a str],
    /// The options (by their ids) that are given on the command line alone, or by a program itself.
    pub options_by_hand: &'a [&'a str],
}

/// `command` with the values of `env` and of a file as defaults of the options of the command that
/// `args` names. `load` is told what has been asked for and which options there are.
///
/// Where an option is given that conflicts with another, or is in one [group](SELECTOR) with it, the
/// other takes no value from a lower layer. A flag that is false is not given.
///
/// # Errors
/// A value that its option refuses, and two of one layer that conflict, named by where they stand;
/// those of `load`.
pub fn layered(
    command: Command,
    args: &[OsString],
    env: &Env,
    rules: Rules<'_>,
    load: impl FnOnce(&Asked, &BTreeSet<String>) -> Result<File>,
) -> Result<Command> {
    // Help and version need no values, and must work with a broken file.
    let Some(asked) = Asked::read(&command, args) else { return Ok(command) };
    let file = load(&asked, &option_names(&command, rules.options_by_hand))?;
    apply(command, Some(&asked.matches), &Layers { env, file, rules })
}

/// What is known of the command line before it is parsed in full.
pub struct Asked {
    matches: ArgMatches,
}

impl std::fmt::Debug for Asked {
    // Some of the values are secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Asked").finish_non_exhaustive()
    }
}

impl Asked {
    /// Reads past all errors, which the real parse reports; `None` for help and version.
    fn read(command: &Command, args: &[OsString]) -> Option<Self> {
        command.clone().ignore_errors(true).try_get_matches_from(args).ok().map(|matches| Self { matches })
    }

    /// The name of the command.
    pub fn command(&self) -> Option<&str> {
        self.matches.subcommand_name()
    }

    /// The value of an option of the program itself, if it is on the command line.
    pub fn value<T: Clone + Send + Sync + 'static>(&self, id: &str) -> Option<T> {
        self.matches.try_get_one(id).ok().flatten().cloned()
    }
}

/// The long names of all options of all commands, but for those `by_hand`.
fn option_names(command: &Command, by_hand: &[&str]) -> BTreeSet<String> {
    let own = command.get_arguments().filter(|arg| !by_hand.contains(&arg.get_id().as_str()));
    let own = own.filter_map(Arg::get_long).map(str::to_owned);
    own.chain(command.get_subcommands().flat_map(|below| option_names(below, by_hand))).collect()
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

impl Found {
    /// A flag that is false asks for nothing.
    fn is_given(&self) -> bool {
        self.value != "false"
    }
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

/// For each option those that are given instead of it, and whether both are a mistake.
fn rivals(command: &Command) -> BTreeMap<Id, BTreeMap<Id, bool>> {
    let mut rivals: BTreeMap<Id, BTreeMap<Id, bool>> = BTreeMap::new();
    let mut add = |one: &Id, other: &Id, is_mistake: bool| {
        if one != other {
            for (one, other) in [(one, other), (other, one)] {
                *rivals.entry(one.clone()).or_default().entry(other.clone()).or_default() |= is_mistake;
            }
        }
    };
    for group in command.get_groups().filter(|group| group.get_id() == SELECTOR) {
        for one in group.get_args() {
            group.get_args().for_each(|other| add(one, other, false));
        }
    }
    for arg in command.get_arguments().filter(|arg| !arg.is_global_set()) {
        for other in command.get_arg_conflicts_with(arg) {
            add(arg.get_id(), other.get_id(), true);
        }
    }
    rivals
}

/// What one layer gives, by the ids of the options.
type Layer = BTreeMap<Id, Found>;

fn layer(
    command: &Command,
    rules: Rules<'_>,
    on_line: &dyn Fn(&Id) -> bool,
    find: impl Fn(&str) -> Option<Found>,
) -> Result<Layer> {
    // A value that another takes the place of may have been meant for another command.
    let takes = |arg: &&Arg| takes_settings(arg, rules.options_by_hand) && !on_line(arg.get_id());
    let found = command.get_arguments().filter(takes).filter_map(|arg| {
        let found = find(arg.get_long()?)?;
        Some(check(arg, found).map(|found| (arg.get_id().clone(), found)))
    });
    found.collect()
}

/// Refuses options of one layer of which only one can be meant.
fn check_rivals(layer: &Layer, rivals: &BTreeMap<Id, BTreeMap<Id, bool>>) -> Result<()> {
    for (id, found) in layer.iter().filter(|(_, found)| found.is_given()) {
        let mistakes = rivals.get(id).into_iter().flatten().filter(|(_, is_mistake)| **is_mistake);
        let both = mistakes.filter_map(|(rival, _)| layer.get(rival)).find(|rival| rival.is_given());
        if let Some(other) = both {
            return Err(Error::invalid(format!(
                "{} and {} cannot both be given",
                found.origin, other.origin
            ))
            .hint("leave one of them out"));
        }
    }
    Ok(())
}

fn apply(command: Command, asked: Option<&ArgMatches>, layers: &Layers<'_>) -> Result<Command> {
    let rules = layers.rules;
    let rivals = rivals(&command);
    let on_line = |id: &Id| {
        let is_known = |matches: &&ArgMatches| matches.try_contains_id(id.as_str()).is_ok();
        asked
            .filter(is_known)
            .is_some_and(|matches| matches.value_source(id.as_str()) == Some(ValueSource::CommandLine))
    };
    let by_hand = rules.commands_by_hand.contains(&command.get_name());
    let (environment, file) = if by_hand {
        // Its global options are those of the program.
        let global = |found: Layer| -> Layer {
            let is_global =
                |id: &Id| command.get_arguments().any(|arg| arg.get_id() == id && arg.is_global_set());
            found.into_iter().filter(|(id, _)| is_global(id)).collect()
        };
        let environment = layer(&command, rules, &on_line, |option| layers.in_environment(option))?;
        (global(environment), global(layer(&command, rules, &on_line, |option| layers.in_file(option))?))
    } else {
        let environment = layer(&command, rules, &on_line, |option| layers.in_environment(option))?;
        (environment, layer(&command, rules, &on_line, |option| layers.in_file(option))?)
    };
    check_rivals(&environment, &rivals)?;
    check_rivals(&file, &rivals)?;
    let in_environment = |id: &Id| environment.get(id).is_some_and(Found::is_given);
    let command = command.mut_args(|arg| {
        let id = arg.get_id().clone();
        let rival = |is_above: &dyn Fn(&Id) -> bool| {
            rivals.get(&id).into_iter().flatten().any(|(id, _)| is_above(id))
        };
        let of_environment = environment.get(&id).filter(|_| !rival(&on_line));
        let of_file = file.get(&id).filter(|_| !rival(&on_line) && !rival(&in_environment));
        let Some(found) = of_environment.or(of_file) else { return arg };
        // A flag shows no default anyway, and clap will not have it hidden.
        let hidden = arg.get_action().takes_values();
        arg.required(false).default_value(found.value.clone()).hide_default_value(hidden)
    });
    let Some((name, below)) = asked.and_then(ArgMatches::subcommand) else { return Ok(command) };
    let mut outcome = Ok(());
    let command = command.mut_subcommand(name, |sub| {
        apply(sub.clone(), Some(below), layers).unwrap_or_else(|error| {
            outcome = Err(error);
            sub
        })
    });
    outcome.map(|()| command)
}

/// `--no-x` is written as `x = false`.
fn takes_settings(arg: &Arg, by_hand: &[&str]) -> bool {
    let negative = matches!(arg.get_action(), ArgAction::SetTrue)
        && arg.get_long().is_some_and(|option| option.starts_with("no-"));
    !negative && !by_hand.contains(&arg.get_id().as_str())
}

/// Has the option's own parser look at the value, so that an error can say where it stands.
fn check(arg: &Arg, Found { value, origin }: Found) -> Result<Found> {
    let found = |value: String| Found { value, origin: origin.clone() };
    if matches!(arg.get_action(), ArgAction::SetTrue) {
        return match value.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Ok(found("true".into())),
            "false" | "0" | "no" | "off" => Ok(found("false".into())),
            _ => Err(Error::invalid(format!("{origin}: {value:?} is neither true nor false"))
                .hint("write true or false")),
        };
    }
    let probe = Arg::new("value")
        .long("value")
        .action(arg.get_action().clone())
        .value_parser(arg.get_value_parser().clone());
    let probe = match arg.get_value_delimiter() {
        Some(delimiter) => probe.value_delimiter(delimiter),
        None => probe,
    };
    let parsed = Command::new("probe")
        .no_binary_name(true)
        .arg(probe)
        .try_get_matches_from([format!("--value={value}")]);
    let Err(answer) = parsed else { return Ok(found(value)) };
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
