//! Files that are replaced whole, so that whoever reads them finds the old or the new one.

use std::fs::{self, Permissions};
use std::io::Write as _;
use std::path::Path;

use leoscope_core::{Error, Result};

/// Writes `text` to `file` in an existing directory. Nobody but the owner may read it, unless
/// `permissions` say otherwise.
///
/// # Errors
/// Those of the file system; then the file is as it was.
pub fn replace(file: &Path, text: &str, permissions: Option<Permissions>) -> Result<()> {
    let fault = |e: &dyn std::fmt::Display| Error::while_doing(format!("write {}", file.display()), e);
    // A link stays one: many keep such files elsewhere.
    let target = fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    let beside = target.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // It begins as one of its owner alone.
    let mut temporary =
        tempfile::Builder::new().prefix(".leoscope-").tempfile_in(beside).map_err(|e| fault(&e))?;
    if let Some(permissions) = permissions {
        temporary.as_file().set_permissions(permissions).map_err(|e| fault(&e))?;
    }
    temporary.write_all(text.as_bytes()).map_err(|e| fault(&e))?;
    temporary.as_file().sync_all().map_err(|e| fault(&e))?;
    temporary.persist(&target).map_err(|e| fault(&e.error))?;
    Ok(())
}
