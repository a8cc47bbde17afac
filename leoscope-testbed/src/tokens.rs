//! The access tokens of the testbed's users and nodes.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use leoscope_core::model::Secret;
use leoscope_core::{Error, ErrorKind, Result};

/// Access tokens, one file each in a directory, readable by their owner alone.
pub(crate) struct Tokens(PathBuf);

impl Tokens {
    pub(crate) fn new(dir: PathBuf) -> Self {
        Self(dir)
    }

    pub(crate) fn file(&self, user: &str) -> PathBuf {
        self.0.join(user)
    }

    pub(crate) fn read(&self, user: &str) -> Option<Secret> {
        let text = fs::read_to_string(self.file(user)).ok()?;
        Some(Secret::new(text.trim())).filter(|token| !token.is_empty())
    }

    pub(crate) fn keep(&self, user: &str, token: Secret) -> Result<Secret> {
        let path = self.file(user);
        let write = || {
            fs::create_dir_all(&self.0)?;
            let mut file =
                fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
            file.write_all(token.expose().as_bytes())?;
            file.sync_all()
        };
        write().map_err(|e| Error::while_doing(format!("write {}", path.display()), e))?;
        Ok(token)
    }
}

/// Explains the one way in which a state directory can be half there.
pub(crate) fn token_lost(error: Error) -> Error {
    if error.kind() == ErrorKind::AlreadyExists {
        return error.hint("its token file is gone; start with another --state-dir, or delete it as admin");
    }
    error
}
