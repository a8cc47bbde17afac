//! What the manifest of a bundle says of the files beside it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::model::{BundleFacts, Manifest, PackedFile};

/// The most bytes of a manifest that are read: enough for as many files as a bundle may hold.
const MAX_BYTES: u64 = 64 << 20;

/// What of a manifest is needed here.
#[derive(Deserialize)]
struct Listing {
    #[serde(rename = "format_version")]
    _version: u32,
    files: Vec<PackedFile>,
}

/// Compares the files unpacked in `root`, of which `sums` tells what identifies each, with those that the
/// manifest there lists. Gives whether there is a manifest; one that cannot be read as ours is the
/// experiment's own file.
///
/// # Errors
/// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) naming the first file that differs, or is only
/// here or only there.
pub(super) fn verify(root: &Path, sums: &BTreeMap<PathBuf, BundleFacts>) -> Result<bool> {
    // A link of that name is none, so what is read is a file of the archive.
    if !sums.contains_key(Path::new(Manifest::FILE)) {
        return Ok(false);
    }
    let Some(listing) = read(&root.join(Manifest::FILE))? else { return Ok(false) };
    // The manifest has names as text; several that are not Unicode may look alike there.
    let mut found: BTreeMap<String, Vec<BundleFacts>> = BTreeMap::new();
    for (path, facts) in sums {
        if path != Path::new(Manifest::FILE) {
            found.entry(path.display().to_string()).or_default().push(*facts);
        }
    }
    for PackedFile { path, size, sha256, .. } in listing.files {
        let alike = found.get_mut(&path);
        let alike =
            alike.ok_or_else(|| differs(format!("file {path:?} of the manifest is not in the archive")))?;
        let same = alike.iter().position(|facts| *facts == BundleFacts { size, sha256 });
        let Some(same) = same else {
            let how = match alike.first() {
                Some(facts) if facts.size != size => format!("it has {} bytes instead of {size}", facts.size),
                _ => "its checksum differs".to_owned(),
            };
            return Err(differs(format!("file {path:?} is not what the manifest lists: {how}")));
        };
        alike.swap_remove(same);
        if alike.is_empty() {
            found.remove(&path);
        }
    }
    match found.keys().next() {
        Some(path) => Err(differs(format!("file {path:?} is not in the manifest"))),
        None => Ok(true),
    }
}

fn read(path: &Path) -> Result<Option<Listing>> {
    let mut text = Vec::new();
    let file = File::open(path).and_then(|file| file.take(MAX_BYTES).read_to_end(&mut text));
    file.map_err(|e| Error::while_doing(format!("read {}", path.display()), e))?;
    Ok(serde_json::from_slice(&text).ok())
}

fn differs(what: String) -> Error {
    Error::invalid(what).hint("the bundle was changed after its node had packed it; do not trust it")
}
