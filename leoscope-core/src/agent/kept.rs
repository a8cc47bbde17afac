//! Small files in which a node keeps what it has to undo.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};

/// What the file holds; the default where there is none.
pub(super) fn read<T: DeserializeOwned + Default>(path: &Path) -> Result<T> {
    let doing = || format!("read {}", path.display());
    match fs::read(path) {
        Ok(text) => serde_json::from_slice(&text).map_err(|e| Error::while_doing(doing(), e)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(T::default()),
        Err(e) => Err(Error::while_doing(doing(), e)),
    }
}

/// Keeps `value` in the place of what was there. After a power cut it is the one or the other.
pub(super) fn write<T: Serialize>(path: &Path, value: &T) -> Result<()> {
    let failed = |e: io::Error| Error::while_doing(format!("write {}", path.display()), e);
    let text = serde_json::to_vec(value).map_err(io::Error::from).map_err(failed)?;
    let dir = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(dir).map_err(failed)?;
    let part = path.with_extension("part");
    let mut file = File::create(&part).map_err(failed)?;
    file.write_all(&text).and_then(|()| file.sync_all()).map_err(failed)?;
    fs::rename(&part, path).and_then(|()| File::open(dir)?.sync_all()).map_err(failed)
}
