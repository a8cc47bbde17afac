use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use leoscope_core::Result;

use super::{Asked, Env, File, Strangers, log_filter, parse, read};

/// The options that every command of a daemon has.
#[derive(Debug, Args)]
pub struct General {
    /// A file (TOML) with values of options, by their names
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What is logged: error, warn, info, debug or trace, also by module (info,leoscope_core=debug)
    #[arg(long, global = true, value_name = "FILTER", default_value = "info")]
    pub log: String,
    /// How it is written
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
}

/// The form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// A line for people.
    Text,
    /// An object on a line of its own.
    Json,
}

impl General {
    /// The directives of the log filter; see [`log_filter`].
    ///
    /// # Errors
    /// Those of [`log_filter`].
    pub fn filter(&self) -> Result<String> {
        log_filter(&self.log)
    }

    /// The file that `--config` or the environment names, empty if none does. `options` are those it
    /// may give, `example` is a line of it.
    ///
    /// # Errors
    /// [`InvalidArgument`](leoscope_core::ErrorKind::InvalidArgument) for a file that cannot be read,
    /// and for what is no option.
    pub fn file(asked: &Asked, env: &Env, options: &BTreeSet<String>, example: &str) -> Result<File> {
        let named =
            asked.value::<PathBuf>("config").or_else(|| env.get("LEOSCOPE_CONFIG").map(PathBuf::from));
        let Some(file) = named else { return Ok(File::default()) };
        let origin = format!("configuration file {}", file.display());
        let text = read(&file, "--config")?;
        let table = parse(&origin, &text)
            .map_err(|error| error.hint(format!("write an option on each line, for example {example}")))?;
        File::from_table(origin, table, options, Strangers::Refused)
    }
}
