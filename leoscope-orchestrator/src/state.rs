use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use leoscope_core::backends::store::StoreLocation;
use leoscope_core::{Error, Result};

/// Makes sure that `dir` is there, for this user alone if it is new, and can be written to.
pub(crate) fn prepare(dir: &Path) -> Result<()> {
    let probe = dir.join(".writable");
    make_dir(dir).and_then(|()| File::create(&probe)).and_then(|_| fs::remove_file(&probe)).map_err(|e| {
        Error::invalid(format!("cannot write to state directory {}: {e}", dir.display()))
            .hint("choose another with --state-dir, or let this user write to it")
    })
}

/// The database in the state directory `dir`, for an orchestrator that is told of no other.
pub fn database(dir: &Path) -> StoreLocation {
    StoreLocation::Sqlite(dir.join("leoscope.db"))
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

#[cfg(test)]
mod tests {
    use super::*;

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
