//! Profiles: named sets of option values in a TOML file.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use leoscope_core::{Error, Result};

use super::home::config_home;
use super::{Env, File, Strangers};

/// The key beside the profiles that names the one in use.
pub(super) const CURRENT: &str = "current";

/// The profile in use where nothing names one.
pub(super) const DEFAULT: &str = "default";

const EXAMPLE: &str =
    "write a table per profile, for example [default] with userid = \"researcher-1\" below it";

/// Which profile of which file is asked for.
#[derive(Debug, Clone)]
pub struct ProfileChoice {
    /// The name, where one is asked for.
    pub(super) name: Option<String>,
    file: Option<PathBuf>,
    is_file_asked: bool,
}

impl ProfileChoice {
    /// The profile `name` of `file`, both else as `env` says; the file else the usual one.
    pub fn new(name: Option<String>, file: Option<PathBuf>, env: &Env) -> Self {
        let var = |name: &str| env.get(name).filter(|value| !value.is_empty());
        let asked = file.or_else(|| var("LEOSCOPE_PROFILE_FILE").map(PathBuf::from));
        let is_file_asked = asked.is_some();
        let usual = || Some(config_home(env)?.join("leoscope/profiles.toml"));
        Self {
            name: name.or_else(|| var("LEOSCOPE_PROFILE").cloned()),
            file: asked.or_else(usual),
            is_file_asked,
        }
    }

    /// The profile file, which need not be there.
    ///
    /// # Errors
    /// Where none is named and there is no home for the usual one.
    pub fn file(&self) -> Result<&Path> {
        self.file.as_deref().ok_or_else(|| {
            Error::invalid("there is no place for a profile file").hint("name one with --profile-file")
        })
    }

    /// Loads what the profile says of `options`; `strangers` are its other keys. One that is asked for
    /// `must_exist`, or is about to be made.
    ///
    /// # Errors
    /// A file or profile that was asked for and is not there; a file that is not a profile file; a
    /// key that is no option's name, where such are refused.
    pub fn load(self, options: &BTreeSet<String>, strangers: Strangers, must_exist: bool) -> Result<File> {
        let Self { name, file, is_file_asked } = self;
        let wanted = must_exist && (is_file_asked || name.is_some());
        let Some(file) = file else {
            return match name.filter(|_| must_exist) {
                None => Ok(File::default()),
                Some(name) => Err(Error::invalid(format!("profile {name:?}: there is no profile file"))
                    .hint("name one with --profile-file")),
            };
        };
        let text = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound && !wanted => return Ok(File::default()),
            Err(e) => return Err(unreadable(&file, &e)),
        };
        let origin = origin(&file);
        let tables = parse(&origin, &text)?;
        let Some((name, table)) = choose(tables, name, &origin, must_exist)? else {
            return Ok(File::default());
        };
        File::from_table(format!("{origin} [{name}]"), table, options, strangers)
    }
}

/// How the profile file is called in errors.
pub(super) fn origin(file: &Path) -> String {
    format!("profile file {}", file.display())
}

pub(super) fn unreadable(file: &Path, e: &io::Error) -> Error {
    Error::invalid(format!("{} cannot be read: {e}", origin(file))).hint("check --profile-file and --profile")
}

/// The tables of a profile file, and what else stands in it.
pub(super) fn parse(origin: &str, text: &str) -> Result<toml::Table> {
    super::parse(origin, text).map_err(|error| error.hint(EXAMPLE))
}

/// Takes the name of the current profile out of `tables`.
pub(super) fn take_current(tables: &mut toml::Table, origin: &str) -> Result<Option<String>> {
    match tables.remove(CURRENT) {
        None => Ok(None),
        Some(toml::Value::String(name)) => Ok(Some(name)),
        Some(_) => {
            Err(Error::invalid(format!("{origin}: {CURRENT:?} is not the name of the profile to use"))
                .hint("write current = \"NAME\" above the tables; no profile can be called so"))
        }
    }
}

/// The profile to use and its name, if it is there.
fn choose(
    mut tables: toml::Table,
    name: Option<String>,
    origin: &str,
    must_exist: bool,
) -> Result<Option<(String, toml::Table)>> {
    let current = take_current(&mut tables, origin)?;
    let (name, why) = match (name, current) {
        (Some(name), _) => (name, Some("")),
        (None, Some(name)) => (name, Some(", which is to be the current one")),
        (None, None) => (DEFAULT.to_owned(), None),
    };
    let Some(table) = tables.remove(&name) else {
        let Some(why) = why.filter(|_| must_exist) else { return Ok(None) };
        let names: Vec<_> = tables.keys().map(String::as_str).collect();
        return Err(Error::invalid(format!("{origin} has no profile {name:?}{why}"))
            .hint(format!("it has: {}", names.join(", "))));
    };
    let toml::Value::Table(table) = table else {
        return Err(Error::invalid(format!("{origin}: {name:?} is not a table")).hint(EXAMPLE));
    };
    Ok(Some((name, table)))
}
