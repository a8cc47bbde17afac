use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use leoscope_core::model::Secret;
use leoscope_core::{Error, ErrorKind, Result};

/// Makes sure that `dir` is there, for this user alone if it is new, and can be written to.
pub(crate) fn prepare(dir: &Path) -> Result<()> {
    let probe = dir.join(".writable");
    make_dir(dir).and_then(|()| File::create(&probe)).and_then(|_| fs::remove_file(&probe)).map_err(|e| {
        Error::invalid(format!("cannot write to state directory {}: {e}", dir.display()))
            .hint("choose another with --state-dir, or let this user write to it")
    })
}

/// Makes a directory that only this user can enter; one that is there stays as it is.
pub(crate) fn make_dir(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

/// Writes a file that only this user can read; whoever looks sees it whole or not at all.
pub(crate) fn write_secret(path: &Path, content: &[u8]) -> io::Result<()> {
    let draft = path.with_extension("new");
    match fs::remove_file(&draft) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&draft, path)
}

/// The administrator's access token: the one given, else the one kept, else a new one.
pub(crate) fn admin_token(dir: &Path, given: Option<Secret>) -> Result<Secret> {
    let path = dir.join("admin-token");
    let token = match given {
        Some(token) => token,
        None => match fs::read_to_string(&path) {
            Ok(text) => Secret::new(text.trim()),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                let token = Secret::random_token()?;
                write_secret(&path, format!("{}\n", token.expose()).as_bytes())
                    .map_err(|e| Error::while_doing(format!("write {}", path.display()), e))?;
                token
            }
            Err(e) => return Err(Error::while_doing(format!("read {}", path.display()), e)),
        },
    };
    // It travels in a header.
    if token.is_empty() || !token.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Error::new(ErrorKind::InvalidArgument, "the admin access token cannot be used")
            .hint("use letters, digits and signs, without spaces; or remove it, and one is made"));
    }
    Ok(token)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_admin_token_is_made_once_and_readable_by_its_owner_alone() {
        let dir = tempfile::tempdir().expect("dir");
        let state = dir.path().join("a/state");
        prepare(&state).expect("state");
        let mode = |path: &Path| fs::metadata(path).expect("metadata").permissions().mode() & 0o777;
        assert_eq!(mode(&state), 0o700);
        let first = admin_token(&state, None).expect("token");
        assert_eq!(admin_token(&state, None).expect("token"), first);
        assert_eq!(mode(&state.join("admin-token")), 0o600);
        let given = Secret::new("leotest-access-token");
        assert_eq!(admin_token(&state, Some(given.clone())).expect("token"), given);
        for bad in ["", "a b", "a\n", "ü"] {
            let error = admin_token(&state, Some(Secret::new(bad))).expect_err("token");
            assert_eq!(error.message(), "the admin access token cannot be used");
        }
    }

    #[test]
    fn a_state_directory_that_cannot_be_written_to_is_named() {
        let dir = tempfile::tempdir().expect("dir");
        let file = dir.path().join("file");
        fs::write(&file, "").expect("file");
        let error = prepare(&file.join("state")).expect_err("state");
        assert!(error.message().starts_with("cannot write to state directory "), "{error}");
        assert!(error.what_to_do().is_some_and(|hint| hint.contains("--state-dir")));
    }
}
