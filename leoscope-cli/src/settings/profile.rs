//! Profiles: named sets of option values in a TOML file.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;

use leoscope_core::{Error, Result};
use leoscope_settings::File;

use super::{Env, home};

const EXAMPLE: &str =
    "write a table per profile, for example [default] with userid = \"researcher-1\" below it";

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
) -> Result<File> {
    let var = |name: &str| env.get(name).filter(|value| !value.is_empty());
    let name = name.or_else(|| var("LEOSCOPE_PROFILE").cloned());
    let chosen = file.or_else(|| var("LEOSCOPE_PROFILE_FILE").map(PathBuf::from));
    let wanted = chosen.is_some() || name.is_some();
    let default = || Some(home(env, "XDG_CONFIG_HOME", ".config")?.join("leoscope/profiles.toml"));
    let Some(file) = chosen.or_else(default) else {
        return match name {
            None => Ok(File::default()),
            Some(name) => Err(Error::invalid(format!("profile {name:?}: there is no profile file"))
                .hint("name one with --profile-file")),
        };
    };
    let text = match std::fs::read_to_string(&file) {
        Ok(text) => text,
        Err(e) if e.kind() == io::ErrorKind::NotFound && !wanted => return Ok(File::default()),
        Err(e) => {
            return Err(Error::invalid(format!("profile file {} cannot be read: {e}", file.display()))
                .hint("check --profile-file and --profile"));
        }
    };
    let origin = format!("profile file {}", file.display());
    let tables = leoscope_settings::parse(&origin, &text).map_err(|error| error.hint(EXAMPLE))?;
    choose(tables, name, &origin, options)
}

fn choose(
    mut tables: toml::Table,
    name: Option<String>,
    origin: &str,
    options: &BTreeSet<String>,
) -> Result<File> {
    let asked = name.is_some();
    let name = name.unwrap_or_else(|| "default".into());
    let Some(table) = tables.remove(&name) else {
        if !asked {
            return Ok(File::default());
        }
        let names: Vec<_> = tables.keys().map(String::as_str).collect();
        return Err(Error::invalid(format!("{origin} has no profile {name:?}"))
            .hint(format!("it has: {}", names.join(", "))));
    };
    let toml::Value::Table(table) = table else {
        return Err(Error::invalid(format!("{origin}: {name:?} is not a table")).hint(EXAMPLE));
    };
    File::from_table(format!("{origin} [{name}]"), table, options)
}
