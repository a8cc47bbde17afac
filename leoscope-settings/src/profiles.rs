//! The profile file as a whole: what is in it, and changing it without touching the rest.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use leoscope_core::{Error, Result};
use toml_edit::{DocumentMut, Item, RawString, TableLike};

use super::profile::{CURRENT, DEFAULT, ProfileChoice, origin, parse, take_current, unreadable};
use super::replace::replace;

/// The profile file.
#[derive(Debug)]
pub struct Profiles {
    file: PathBuf,
    document: DocumentMut,
    profiles: Vec<Profile>,
    chosen: String,
}

/// A profile as it stands in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// What it is called.
    pub name: String,
    /// Whether it is the one in use.
    pub is_current: bool,
    /// The values by the names of their options.
    settings: Vec<(String, String)>,
}

impl Profile {
    /// The value of an option.
    pub fn get(&self, option: &str) -> Option<&str> {
        let found = self.settings.iter().find(|(name, value)| name == option && !value.is_empty());
        found.map(|(_, value)| value.as_str())
    }

    /// Whether it has an access token, or names a file that is there.
    pub fn has_token(&self) -> bool {
        self.holds_token() || self.get("access-token-file").is_some_and(|file| Path::new(file).exists())
    }

    /// Whether a token stands in the profile itself.
    pub fn holds_token(&self) -> bool {
        self.settings.iter().any(|(option, value)| is_secret(option) && !value.is_empty())
    }

    /// The options and their values, tokens as `***`.
    pub fn shown(&self) -> impl Iterator<Item = (&str, &str)> {
        let mask = |option: &str| is_secret(option).then_some("***");
        self.settings
            .iter()
            .map(move |(option, value)| (option.as_str(), mask(option).unwrap_or(value.as_str())))
    }
}

/// Whether the value of an option must not be seen.
fn is_secret(option: &str) -> bool {
    !option.ends_with("-file")
        && ["token", "secret", "password", "apikey"].iter().any(|word| option.contains(word))
}

impl Profiles {
    /// Reads the file of `choice`; one that is not there has no profiles.
    ///
    /// # Errors
    /// A file that cannot be read, or is not a profile file.
    pub fn open(choice: &ProfileChoice) -> Result<Self> {
        let file = choice.file()?.to_owned();
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => String::new(),
            Err(e) => return Err(unreadable(&file, &e)),
        };
        let origin = origin(&file);
        let mut tables = parse(&origin, &text)?;
        // Its own errors would quote the text, which may be that of a token.
        let document =
            text.parse::<DocumentMut>().map_err(|_| Error::invalid(format!("{origin} cannot be edited")))?;
        let current = take_current(&mut tables, &origin)?;
        let chosen = choice.name.clone().or(current).unwrap_or_else(|| DEFAULT.to_owned());
        let profile = |(name, value): (String, toml::Value)| {
            let toml::Value::Table(table) = value else { return None };
            // Tables are no options, and may hold anything.
            let options = table.into_iter().filter(|(_, value)| !value.is_table());
            let settings = options.map(|(key, value)| (key.replace('_', "-"), plain(&value)));
            let mut settings: Vec<_> = settings.collect();
            settings.sort();
            Some(Profile { is_current: name == chosen, settings, name })
        };
        let mut profiles: Vec<_> = tables.into_iter().filter_map(profile).collect();
        profiles.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(Self { file, document, profiles, chosen })
    }

    /// The name of the profile in use: the one asked for, else the current one, else `default`. It
    /// need not be there.
    pub fn chosen(&self) -> &str {
        &self.chosen
    }

    /// The profiles as they were read.
    pub fn all(&self) -> &[Profile] {
        &self.profiles
    }

    /// The profile `name`.
    ///
    /// # Errors
    /// [`NotFound`](leoscope_core::ErrorKind::NotFound).
    pub fn get(&self, name: &str) -> Result<&Profile> {
        self.profiles.iter().find(|profile| profile.name == name).ok_or_else(|| {
            let names: Vec<_> = self.profiles.iter().map(|profile| profile.name.as_str()).collect();
            let hint = match &names[..] {
                [] => "there is none yet: make one with 'leoscope login'".to_owned(),
                names => format!("there are: {}", names.join(", ")),
            };
            Error::not_found(format!("{} has no profile {name:?}", origin(&self.file))).hint(hint)
        })
    }

    /// Sets options of the profile `name`, which is made if it is not there, and takes those away
    /// that have no value.
    ///
    /// # Errors
    /// A key of that name that is no profile.
    pub fn set(&mut self, name: &str, options: Vec<(&str, Option<toml_edit::Value>)>) -> Result<()> {
        let item = self.document.entry(name).or_insert_with(toml_edit::table);
        let table = item.as_table_like_mut().ok_or_else(|| {
            Error::invalid(format!("{}: {name:?} is not a table", origin(&self.file)))
                .hint("choose another name with --profile")
        })?;
        for (option, value) in options {
            set(table, option, value);
        }
        Ok(())
    }

    /// Makes `name` the profile in use where none is asked for.
    pub fn make_current(&mut self, name: &str) {
        if !self.document.contains_key(CURRENT) {
            // A new one stands last, and has no position yet.
            let tables = self.document.iter_mut().filter_map(|(_, item)| item.as_table_mut());
            let placed = tables.filter(|table| table.position().is_some());
            if let Some(first) = placed.min_by_key(|table| table.position()) {
                let own = text(first.decor().prefix());
                first.decor_mut().set_prefix(format!("\n{}", own.trim_start_matches('\n')));
            }
        }
        set(self.document.as_table_mut(), CURRENT, Some(name.into()));
    }

    /// Removes the profile `name` and tells whether it was there.
    pub fn remove(&mut self, name: &str) -> bool {
        if !self.document.get(name).is_some_and(Item::is_table_like) {
            return false;
        }
        let above = self.document.remove(name).and_then(|item| {
            let prefix = item.as_table()?.decor().prefix()?.as_str()?.to_owned();
            Some((item.as_table()?.position(), prefix))
        });
        if let Some((position, prefix)) = above {
            self.keep_above(position, &prefix);
        }
        if self.document.get(CURRENT).and_then(Item::as_str) == Some(name) {
            self.document.remove(CURRENT);
        }
        true
    }

    /// Keeps what stood above a table that has gone: the part above a blank line is the file's.
    fn keep_above(&mut self, position: Option<isize>, prefix: &str) {
        let Some(kept) = prefix.rfind("\n\n").map(|at| prefix[..at].to_owned()) else { return };
        let tables = self.document.iter_mut().filter_map(|(_, item)| item.as_table_mut());
        let next = tables.filter(|table| table.position() > position).min_by_key(|table| table.position());
        match next {
            Some(table) => {
                let own = text(table.decor().prefix());
                table.decor_mut().set_prefix(format!("{kept}\n\n{}", own.trim_start_matches('\n')));
            }
            None => {
                let own = text(Some(self.document.trailing()));
                self.document.set_trailing(format!("{kept}\n{own}"));
            }
        }
    }

    /// Writes the file, with the permissions it has.
    ///
    /// # Errors
    /// Those of the file system; then the file is as it was.
    pub fn save(&self) -> Result<()> {
        if let Some(dir) = self.file.parent() {
            fs::create_dir_all(dir)
                .map_err(|e| Error::while_doing(format!("make the directory {}", dir.display()), e))?;
        }
        let permissions = fs::metadata(&self.file).ok().map(|metadata| metadata.permissions());
        replace(&self.file, self.document.to_string().trim_start_matches('\n'), permissions)
    }

    /// Where it lies.
    pub fn file(&self) -> &Path {
        &self.file
    }
}

fn text(raw: Option<&RawString>) -> String {
    raw.and_then(RawString::as_str).unwrap_or_default().to_owned()
}

/// Sets `option` in `table`, in the spelling it has there, and keeps the comment behind it.
fn set(table: &mut dyn TableLike, option: &str, value: Option<toml_edit::Value>) {
    let other = option.replace('-', "_");
    let spelled: &str =
        if !table.contains_key(option) && table.contains_key(&other) { &other } else { option };
    if let Some(mut value) = value {
        match table.get_mut(spelled) {
            // To insert it would take away the comment above its key.
            Some(item) => {
                if let Some(old) = item.as_value() {
                    *value.decor_mut() = old.decor().clone();
                }
                *item = Item::Value(value);
            }
            None => {
                table.insert(spelled, Item::Value(value));
            }
        }
        // The other spelling would say something else.
        if spelled == option && other != option {
            table.remove(&other);
        }
    } else {
        table.remove(option);
        table.remove(&other);
    }
}

fn plain(value: &toml::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests;
