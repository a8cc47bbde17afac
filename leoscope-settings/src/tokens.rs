//! Access tokens in files of their own.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use leoscope_core::model::Secret;
use leoscope_core::{Error, Result};

use super::profile::CURRENT;
use super::replace::replace;

/// The longest name of a profile that has a token.
const MOST_BYTES: usize = 64;

/// Where the token of the profile `name` in the profile file `profiles` is kept: in a directory beside it.
///
/// # Errors
/// A name that no file should have.
pub fn place(name: &str, profiles: &Path) -> Result<PathBuf> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let is_fit =
        (1..=MOST_BYTES).contains(&name.len()) && !name.starts_with('.') && name.bytes().all(is_plain);
    if !is_fit || name == CURRENT {
        return Err(Error::invalid(format!("{name:?} cannot be the name of a profile with a log-in")).hint(
            "use 1 to 64 letters, digits, '-', '_' and '.', not '.' first; 'current' has a meaning of its own",
        ));
    }
    Ok(profiles.with_file_name("tokens").join(name))
}

/// Keeps `token` in `file`, where its owner alone can read it.
///
/// # Errors
/// Those of the file system; then the file is as it was.
pub fn keep(file: &Path, token: &Secret) -> Result<()> {
    if let Some(dir) = file.parent() {
        let fault = |e| Error::while_doing(format!("make the directory {}", dir.display()), e);
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(fault)?;
        fs::set_permissions(dir, Permissions::from_mode(0o700)).map_err(fault)?;
    }
    replace(file, &format!("{}\n", token.expose()), None)
}

/// Removes `file` and tells whether it was there.
///
/// # Errors
/// Those of the file system.
pub fn forget(file: &Path) -> Result<bool> {
    match fs::remove_file(file) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(Error::while_doing(format!("remove {}", file.display()), e)),
    }
}

/// Reads the token in `file`, without the white space around it.
///
/// # Errors
/// [`InvalidArgument`](leoscope_core::ErrorKind::InvalidArgument) for a file that cannot be read or
/// holds nothing.
pub fn read(file: &Path) -> Result<Secret> {
    let fault = |what: String| {
        Error::invalid(format!("access token file {} {what}", file.display()))
            .hint("check --access-token-file, or log in again with 'leoscope login'")
    };
    let text = fs::read_to_string(file).map_err(|e| fault(format!("cannot be read: {e}")))?;
    let token = text.trim();
    if token.is_empty() {
        return Err(fault("is empty".to_owned()));
    }
    if is_open(file) {
        tracing::warn!(file = %file.display(), "others can read the access token file");
    }
    Ok(Secret::new(token))
}

/// Whether others than the owner can read `file`.
pub fn is_open(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|metadata| metadata.permissions().mode() & 0o044 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("metadata").permissions().mode() & 0o777
    }

    #[test]
    fn a_kept_token_is_its_owners_alone_and_can_be_replaced_and_forgotten() {
        let home = tempfile::tempdir().expect("directory");
        let file = place("lab", &home.path().join("leoscope/profiles.toml")).expect("place");
        assert_eq!(file, home.path().join("leoscope/tokens/lab"));
        for token in ["one", "two"] {
            keep(&file, &Secret::new(token)).expect("kept");
            assert_eq!(read(&file).expect("token").expose(), token);
            assert!(!is_open(&file));
            assert_eq!((mode(&file), mode(file.parent().expect("directory"))), (0o600, 0o700));
        }
        let entries = fs::read_dir(file.parent().expect("directory")).expect("entries").count();
        assert_eq!(entries, 1, "nothing temporary stays");
        fs::set_permissions(&file, Permissions::from_mode(0o640)).expect("permissions");
        assert!(is_open(&file));
        assert_eq!(forget(&file).ok(), Some(true));
        assert_eq!(forget(&file).ok(), Some(false));
    }

    #[test]
    fn a_token_file_is_trimmed_and_must_hold_something() {
        let dir = tempfile::tempdir().expect("directory");
        let file = dir.path().join("token");
        let told = |file: &Path| read(file).expect_err("must be refused").message().to_owned();
        let missing = told(&file);
        let start = format!("access token file {} cannot be read: ", file.display());
        assert!(missing.starts_with(&start), "{missing}");
        fs::write(&file, " \n").expect("file");
        assert_eq!(told(&file), format!("access token file {} is empty", file.display()));
        fs::write(&file, "  hunter2\r\n\n").expect("file");
        assert_eq!(read(&file).expect("token").expose(), "hunter2");
    }

    #[test]
    fn names_that_are_no_files_have_no_token() {
        let profiles = Path::new("/h/profiles.toml");
        assert_eq!(place("a-b_c.1", profiles).expect("place"), Path::new("/h/tokens/a-b_c.1"));
        for bad in ["", ".", "..", ".hidden", "a/b", "../x", "a b", "current", &"x".repeat(65)] {
            assert!(place(bad, profiles).is_err(), "{bad}");
        }
    }
}
