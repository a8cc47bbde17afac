//! What can be written on the command line.

use clap::builder::{Resettable, StyledStr};
use clap::{Args, Parser, Subcommand, ValueEnum};
use leoscope_core::Error;
use leoscope_core::model::{RunLength, parse_size};
use leoscope_core::time::{SignedDuration, Window, parse_duration, parse_instant};
use leoscope_settings::ConnectionArgs;

use crate::commands::audit::Audit;
use crate::commands::completions::Completions;
use crate::commands::config::ConfigCommand;
use crate::commands::demo::Demo;
use crate::commands::dev::Dev;
use crate::commands::job::JobCommand;
use crate::commands::login::Login;
use crate::commands::man::Man;
use crate::commands::node::NodeCommand;
use crate::commands::orbit::OrbitCommand;
use crate::commands::probe::Probe;
use crate::commands::profile::ProfileCommand;
use crate::commands::run::RunCommand;
use crate::commands::services::ServicesCommand;
use crate::commands::trigger::TriggerCommand;
use crate::commands::user::UserCommand;

const AFTER_HELP: &str = "\
Every option can also be given as an environment variable (--grpc-host as LEOSCOPE_GRPC_HOST) or in
a profile file (grpc-host = \"…\" under [default], or under the name given with --profile or chosen
with 'leoscope profile use'). The command line wins over the environment, the environment over the
profile. Flags are true or false there. What a delete command deletes is named on the command line
alone.

Data is printed on standard output, everything else on standard error. Exit codes: 0 done, 1 failed,
2 refused or conflict, 3 waited too long, 4 the run failed, 5 not authorised, 64 wrong command line
or value.";

/// Book experiments on a LEOScope testbed, follow their runs, fetch their results.
#[derive(Debug, Parser)]
#[command(name = "leoscope", version, after_help = AFTER_HELP, max_term_width = 100)]
#[command(arg_required_else_help = true, subcommand_required = true, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Globals,
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Why the settings below the command line were left out, for commands that help with them.
    #[arg(skip)]
    pub(crate) fault: Option<Error>,
}

/// The options of all commands.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Globals {
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
    /// How to print data
    #[arg(long, global = true, value_enum, default_value_t = Format::Table)]
    pub(crate) output: Format,
    /// Print these fields alone, in this order: the keys that --output=json shows, with dots for those
    /// below others
    #[arg(long, global = true, value_name = "FIELD,…", value_delimiter = ',')]
    pub(crate) fields: Vec<String>,
    /// Print ids only, one a line
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// List again and again, every so many seconds, until Ctrl-C
    #[arg(long, global = true, value_name = "SECS", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "2", value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub(crate) watch: Option<u32>,
}

/// How data is printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    #[value(help = NO_HELP)]
    Table,
    /// One JSON document.
    #[value(help = NO_HELP)]
    Json,
    /// JSON, a line for each record.
    #[value(help = NO_HELP)]
    Jsonl,
    /// Comma-separated values with a line of heads.
    #[value(help = NO_HELP)]
    Csv,
    /// One YAML document.
    #[value(help = NO_HELP)]
    Yaml,
}

/// Keeps the documentation of a value out of the help, which it would double in length.
pub(crate) const NO_HELP: Resettable<StyledStr> = Resettable::Reset;

/// The command groups.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Store who you are and your access token, once the orchestrator has taken them
    Login(Login),
    /// Forget what a log-in has stored
    Logout,
    /// List profiles, and choose the one in use
    #[command(subcommand)]
    Profile(ProfileCommand),
    /// Check step by step what a call to the orchestrator needs
    Doctor,
    /// Run a whole testbed on this machine, once, from experiment to results
    Demo(Demo),
    /// Run a whole testbed on this machine until Ctrl-C
    Dev(Dev),
    /// Register and manage users
    #[command(subcommand)]
    User(UserCommand),
    /// Register and manage measurement nodes
    #[command(subcommand)]
    Node(NodeCommand),
    /// Book, list and delete experiments
    #[command(subcommand)]
    Job(JobCommand),
    /// List runs and download their results
    #[command(subcommand)]
    Run(RunCommand),
    /// Write the condition under which runs start, and try it
    #[command(subcommand)]
    Trigger(TriggerCommand),
    /// Tell where satellites are, and when they pass over
    #[command(subcommand)]
    Orbit(OrbitCommand),
    /// Tell what experiments of a user may use on nodes
    #[command(subcommand)]
    Services(ServicesCommand),
    /// Read and replace the testbed-wide configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Show who did what, for administrators
    Audit(Audit),
    /// Measure how long TCP connections to a target take: a small experiment
    Probe(Probe),
    /// Print what makes a shell complete command lines
    Completions(Completions),
    /// Print the manual page, or write those of all commands
    Man(Man),
}

impl Command {
    /// Whether it only lists, so that it can be done again and again.
    pub(crate) fn is_listing(&self) -> bool {
        match self {
            Self::User(UserCommand::Get(_)) | Self::Orbit(OrbitCommand::Visible(_)) | Self::Audit(_) => true,
            Self::Node(command) => command.is_listing(),
            Self::Job(command) => command.is_listing(),
            Self::Run(command) => command.is_listing(),
            _ => false,
        }
    }

    /// Whether it helps where settings are broken, and so must do without them.
    pub(crate) fn helps_with_settings(&self) -> bool {
        matches!(self, Self::Logout | Self::Profile(_) | Self::Doctor | Self::Completions(_) | Self::Man(_))
    }
}

/// Reads a number of bytes: `500m`, `20g`, or without a unit.
pub(crate) fn bytes(text: &str) -> Result<u64, Error> {
    parse_size(text).filter(|number| *number > 0).ok_or_else(|| {
        Error::invalid(format!("{text:?} is not a size")).hint("give bytes, or 500m, 20g: 1 or more")
    })
}

/// Reads the length of a run in seconds.
pub(crate) fn length(text: &str) -> Result<RunLength, Error> {
    let secs = text.trim().parse().map_err(|_| {
        Error::invalid(format!("{text:?} is not a number of seconds"))
            .hint("give the length of one run in whole seconds, 1 or more")
    })?;
    RunLength::from_secs(secs)
}

/// Reads a duration: seconds, with or without a fraction, or with a unit, like `90s` or `10m`.
pub(crate) fn duration(text: &str) -> Result<SignedDuration, Error> {
    let Ok(secs) = text.trim().parse::<f64>() else { return parse_duration(text) };
    let duration = Some(secs).filter(|secs| secs.is_finite() && *secs >= 0.0);
    let duration = duration.and_then(|secs| SignedDuration::try_from_secs_f64(secs).ok());
    // Instants have microseconds.
    let micros = duration.and_then(|duration| i64::try_from(duration.as_micros()).ok());
    micros.map(SignedDuration::from_micros).ok_or_else(|| {
        Error::invalid(format!("{text:?} is not a number of seconds")).hint("give seconds, 0 or more")
    })
}

/// Reads `START,END`.
pub(crate) fn time_range(text: &str) -> Result<Window, Error> {
    let (start, end) = text.split_once(',').ok_or_else(|| {
        Error::invalid(format!("{text:?} is not a time range"))
            .hint("write START,END, for example 2026-12-01T00:00:00,2026-12-02T00:00:00")
    })?;
    Window::new(parse_instant(start)?, parse_instant(end)?)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn no_option_is_taken_for_a_command_of_the_existing_command_line() {
        fn check(command: &clap::Command) {
            for arg in command.get_arguments() {
                assert_ne!(
                    arg.get_long(),
                    Some("action"),
                    "{}: --action names a command",
                    command.get_name()
                );
            }
            command.get_subcommands().for_each(check);
        }
        check(&Cli::command());
    }

    #[test]
    fn sizes_have_units_of_1024() {
        let sizes = ["1", "2k", "500M", " 20g ", "1gb"].map(|text| bytes(text).ok());
        assert_eq!(sizes, [Some(1), Some(2048), Some(500 << 20), Some(20 << 30), Some(1 << 30)]);
        for bad in ["", "0", "-1", "g", "1.5g", "10 quarts", "99999999999999999t"] {
            assert!(bytes(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn ranges_are_two_times_in_order() {
        let range = time_range("2026-12-01T00:00:00, 2026-12-02").expect("range");
        assert_eq!(range.to_string(), "[2026-12-01T00:00:00, 2026-12-02T00:00:00)");
        for bad in ["", "2026-12-01T00:00:00", "2026-12-02T00:00:00,2026-12-01T00:00:00", "a,b", "1,2,3"] {
            assert!(time_range(bad).is_err(), "{bad}");
        }
    }
}
