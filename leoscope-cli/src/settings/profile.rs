//! Profiles: named sets of option values in a TOML file.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;

use leoscope_core::{Error, Result};

use super::{Env, home};

const EXAMPLE: &str =
    "write a table per profile, for example [default] with userid = \"researcher-1\" below it";

/// The values of one profile; empty where there is no profile file.
#[derive(Debug, Default)]
pub(super) struct Profile {
    origin: String,
    values: BTreeMap<String, String>,
}

impl Profile {
    /// Loads the profile `name` of `file`, both else from `env`, else the default ones.
    ///
    /// # Errors
    /// A file or profile that was asked for and is not there; a file that is not a profile file; a
    /// key that is no option's name (`options`).
    pub(super) fn load(
        name: Option<String>,
        file: Option<PathBuf>,
        env: &Env,
        options: &BTreeSet<String>,
    ) -> Result<Self> {
        let var = |name: &str| env.get(name).filter(|value| !value.is_empty());
        let name = name.or_else(|| var("LEOSCOPE_PROFILE").cloned());
        let chosen = file.or_else(|| var("LEOSCOPE_PROFILE_FILE").map(PathBuf::from));
        let wanted = chosen.is_some() || name.is_some();
        let default = || Some(home(env, "XDG_CONFIG_HOME", ".config")?.join("leoscope/profiles.toml"));
        let Some(file) = chosen.or_else(default) else {
            return match name {
                None => Ok(Self::default()),
                Some(name) => Err(Error::invalid(format!("profile {name:?}: there is no profile file"))
                    .hint("name one with --profile-file")),
            };
        };
        let text = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound && !wanted => return Ok(Self::default()),
            Err(e) => {
                return Err(Error::invalid(format!("profile file {} cannot be read: {e}", file.display()))
                    .hint("check --profile-file and --profile"));
            }
        };
        let origin = format!("profile file {}", file.display());
        let tables: toml::Table = toml::from_str(&text).map_err(|e| fault(&origin, &text, &e))?;
        Self::choose(tables, name, &origin, options)
    }

    fn choose(
        mut tables: toml::Table,
        name: Option<String>,
        origin: &str,
        options: &BTreeSet<String>,
    ) -> Result<Self> {
        let asked = name.is_some();
        let name = name.unwrap_or_else(|| "default".into());
        let Some(table) = tables.remove(&name) else {
            if !asked {
                return Ok(Self::default());
            }
            let names: Vec<_> = tables.keys().map(String::as_str).collect();
            return Err(Error::invalid(format!("{origin} has no profile {name:?}"))
                .hint(format!("it has: {}", names.join(", "))));
        };
        let toml::Value::Table(table) = table else {
            return Err(Error::invalid(format!("{origin}: {name:?} is not a table")).hint(EXAMPLE));
        };
        let origin = format!("{origin} [{name}]");
        let mut values = BTreeMap::new();
        for (key, value) in table {
            let option = key.replace('_', "-");
            let known = [&key, &option].into_iter().find(|spelling| options.contains(*spelling));
            let Some(known) = known.filter(|known| !known.starts_with("profile")) else {
                return Err(Error::invalid(format!("{origin}: {key:?} is not an option"))
                    .hint("use the names of options as --help shows them, without the dashes in front"));
            };
            values.insert(
                known.clone(),
                plain(value).ok_or_else(|| {
                    Error::invalid(format!("{origin}: {key} is neither text, number, true nor false"))
                })?,
            );
        }
        Ok(Self { origin, values })
    }

    /// The value of an option and where it stands.
    pub(super) fn get(&self, option: &str) -> Option<(String, String)> {
        let value = self.values.get(option).filter(|value| !value.is_empty())?;
        Some((value.clone(), format!("{} {option}", self.origin)))
    }
}

/// Without the quoted line that the parser's own message holds: it may be that of a token.
fn fault(origin: &str, text: &str, error: &toml::de::Error) -> Error {
    let at = error.span().and_then(|span| text.get(..span.start));
    let line = at.map_or_else(String::new, |before| format!(" line {}", before.matches('\n').count() + 1));
    // Only the first line, for the same reason: what follows may quote values.
    let message = error.message().lines().next().unwrap_or_default();
    Error::invalid(format!("{origin}{line}: {message}")).hint(EXAMPLE)
}

fn plain(value: toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Float(number) => Some(number.to_string()),
        toml::Value::Boolean(flag) => Some(flag.to_string()),
        toml::Value::Datetime(time) => Some(time.to_string()),
        toml::Value::Array(_) | toml::Value::Table(_) => None,
    }
}
