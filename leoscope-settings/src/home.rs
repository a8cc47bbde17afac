//! The directories below which programs keep what is a user's own.

use std::path::PathBuf;

use super::Env;

/// The directory below which programs keep what is to last: `$XDG_STATE_HOME`, else `~/.local/state`.
pub fn state_home(env: &Env) -> Option<PathBuf> {
    home(env, "XDG_STATE_HOME", ".local/state")
}

/// The directory below which programs keep their settings: `$XDG_CONFIG_HOME`, else `~/.config`.
pub fn config_home(env: &Env) -> Option<PathBuf> {
    home(env, "XDG_CONFIG_HOME", ".config")
}

fn home(env: &Env, variable: &str, below_home: &str) -> Option<PathBuf> {
    let var = |name: &str| env.get(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    var(variable).or_else(|| Some(var("HOME")?.join(below_home)))
}
