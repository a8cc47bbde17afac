//! Packing the results of a run.

mod lists;
mod walk;

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use sha2::{Digest, Sha256};

use self::lists::Lists;
use self::walk::{Found, Walk};
use super::gzip::Gzip;
use super::unpack::{MAX_UNPACKED_BYTES, MAX_UNPACKED_ENTRIES};
use crate::error::{Error, Result};
use crate::model::{BundleFacts, Checksum, LeftOut, Manifest, PackedFile, WhyLeftOut};

/// How much of a file is read at a time.
const PIECE: usize = 256 << 10;

/// How many files and directories are looked at. With the files of the node and the manifest it is
/// still no more than a bundle may hold.
const MOST_ENTRIES: u64 = MAX_UNPACKED_ENTRIES - 100;

/// What the manifest may take of what a bundle may unpack to: each entry has a path of at most 4 KiB,
/// which is longer in JSON.
const MANIFEST_ROOM: u64 = 4 << 30;

/// What goes into a bundle.
#[derive(Debug, Clone)]
pub struct Contents {
    /// The results directory; everything in it is packed under its own path, unless one of `files` or
    /// the manifest has that.
    pub results: PathBuf,
    /// Further files, packed under their names; those that are not there are left out.
    pub files: Vec<PathBuf>,
    /// What is known of the run; `files` and `left_out` are added to it and it is packed last, as
    /// [`Manifest::FILE`].
    pub manifest: Manifest,
}

/// Writes `contents` as a gzipped tar to `target`, which is there whole or not at all, and tells what
/// identifies it.
///
/// Memory does not grow with the results: files are read in pieces, what the manifest says of them
/// waits in a file, and of the names of a directory at most as many are held as a bundle may have
/// files ([`MAX_UNPACKED_ENTRIES`]). The bundle can always be unpacked: what would be too much for
/// that is left out, and so is anything that is no regular file (links, sockets, devices), that cannot
/// be read, or that is gone when its turn comes. The manifest names all of it. A file that turns out
/// shorter than it was is filled up with zeros, and the manifest says from where.
///
/// # Errors
/// [`Internal`](crate::ErrorKind::Internal) when the bundle cannot be written. Nothing about the
/// results is an error.
pub fn pack(contents: &Contents, target: &Path) -> Result<BundleFacts> {
    // A bare name has the empty path as parent.
    let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let partial = target.with_extension("part");
    let write = || -> io::Result<BundleFacts> {
        fs::create_dir_all(parent)?;
        let bundle = pack_by(contents, File::create(&partial)?, Lists::new(parent)?)?;
        let Hashing { inner: file, hash, size } = bundle;
        file.sync_all()?;
        fs::rename(&partial, target)?;
        File::open(parent)?.sync_all()?;
        Ok(BundleFacts { size, sha256: checksum(hash) })
    };
    write().map_err(|e| {
        // Half a bundle is of no use, and it is the full disk that leaves most of them.
        let _ = fs::remove_file(&partial);
        Error::while_doing(format!("write {}", target.display()), e)
    })
}

fn pack_by(contents: &Contents, file: File, lists: Lists) -> io::Result<Hashing<File>> {
    let Contents { results, files, manifest } = contents;
    let own_names = files.iter().filter_map(|path| path.file_name()).chain([OsStr::new(Manifest::FILE)]);
    let own_names: Vec<OsString> = own_names.map(OsStr::to_owned).collect();
    let mut packer = Packer {
        tar: tar::Builder::new(Gzip::new(Hashing::new(file))?),
        lists,
        buffer: vec![0; PIECE],
        room: MAX_UNPACKED_BYTES - MANIFEST_ROOM,
    };
    for path in files {
        if let Some(name) = path.file_name().filter(|_| path.is_file()) {
            packer.add(path, Path::new(name), None)?;
        }
    }
    let mut given = HashSet::new();
    for found in Walk::new(results, MOST_ENTRIES) {
        match found {
            Found::File(name) => {
                let renamed = renamed(results, &own_names, &given, &name);
                given.extend(renamed.clone());
                let (to, from) = match &renamed {
                    Some(renamed) => (renamed, Some(name.as_path())),
                    None => (&name, None),
                };
                packer.add(&results.join(&name), to, from)?;
            }
            Found::Other(name, why, detail) => packer.lists.leave_out(&left_out(&name, why, detail))?,
        }
    }
    packer.finish(manifest)
}

/// Another path for a file of the results whose own nobody could unpack: it is that of a file of the
/// bundle's own, or has control characters. `given` are those that others got.
fn renamed(results: &Path, own_names: &[OsString], given: &HashSet<PathBuf>, name: &Path) -> Option<PathBuf> {
    let text = name.to_string_lossy();
    let steers = text.contains(char::is_control);
    let plain = if steers { PathBuf::from(text.replace(char::is_control, "_")) } else { name.to_owned() };
    let mut parts = plain.components();
    let first = parts.next()?.as_os_str();
    let is_own = own_names.iter().any(|own| own == first);
    let free = |path: &Path| !given.contains(path) && fs::symlink_metadata(results.join(path)).is_err();
    match (steers, is_own) {
        (false, false) => return None,
        (true, false) if free(&plain) => return Some(plain),
        _ => {}
    }
    let rest: PathBuf = parts.map(|part| part.as_os_str()).collect();
    (1_u32..).find_map(|number| {
        let mut other = first.to_owned();
        other.push(format!(".{number}"));
        let taken = own_names.contains(&other);
        // Not `join` of an empty rest, which would end with a slash.
        let path: PathBuf = std::iter::once(other.as_os_str()).chain(rest.iter()).collect();
        // Of what is renamed as a whole, the first part must be free, else the path.
        let is_free = free(&path) && (!is_own || free(Path::new(&other)));
        (!taken && is_free).then_some(path)
    })
}

/// What identifies the bundle in a file.
///
/// # Errors
/// [`Internal`](crate::ErrorKind::Internal) when it cannot be read.
pub fn facts(bundle: &Path) -> Result<BundleFacts> {
    let read = || -> io::Result<BundleFacts> {
        let mut seen = Hashing::new(io::sink());
        io::copy(&mut File::open(bundle)?, &mut seen)?;
        Ok(BundleFacts { size: seen.size, sha256: checksum(seen.hash) })
    };
    read().map_err(|e| Error::while_doing(format!("read bundle {}", bundle.display()), e))
}

struct Packer {
    tar: tar::Builder<Gzip<Hashing<File>>>,
    lists: Lists,
    buffer: Vec<u8>,
    /// How many bytes more the files may have.
    room: u64,
}

impl Packer {
    /// Packs the file `path` as `name`, or says why not.
    fn add(&mut self, path: &Path, name: &Path, renamed_from: Option<&Path>) -> io::Result<()> {
        let shown = renamed_from.unwrap_or(name);
        let (file, found) = match open(path) {
            Ok(opened) => opened,
            Err((why, detail)) => return self.lists.leave_out(&left_out(shown, why, detail)),
        };
        let Some(room) = self.room.checked_sub(found.len()) else {
            let detail = format!("it has {} bytes", found.len());
            return self.lists.leave_out(&left_out(shown, WhyLeftOut::TooLarge, Some(detail)));
        };
        self.room = room;
        let (sha256, read) = self.write(file, name, &found)?;
        let (path, raw_path) = in_words(name);
        self.lists.add(&PackedFile {
            path,
            raw_path,
            size: found.len(),
            sha256,
            renamed_from: renamed_from.map(|from| in_words(from).0),
            padded_from: (read < found.len()).then_some(read),
        })
    }

    /// Writes one entry and tells its checksum, and how much of it could be read.
    fn write(&mut self, mut file: File, name: &Path, found: &Metadata) -> io::Result<(Checksum, u64)> {
        let size = found.len();
        let mut header = tar::Header::new_gnu();
        header.set_size(size);
        header.set_mode(0o644);
        header.set_mtime(u64::try_from(found.mtime()).unwrap_or_default());
        header.set_entry_type(tar::EntryType::Regular);
        // The header alone: the content has its own way, in large pieces and to a fixed length.
        self.tar.append_data(&mut header, name, io::empty())?;
        let tar = self.tar.get_mut();
        let mut hash = Sha256::new();
        let mut left = size;
        while left > 0 {
            // A file that is still being written may grow; the header's size is what is packed.
            let most = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
            let piece = self.buffer.get_mut(..most).unwrap_or_default();
            let count = match file.read(piece) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                // It has been cut short since, or its disk fails: the header is written already.
                Ok(0) | Err(_) => break,
                Ok(count) => count,
            };
            let piece = piece.get(..count).unwrap_or_default();
            hash.update(piece);
            tar.write_all(piece)?;
            left -= count as u64;
        }
        let read = size - left;
        self.buffer.fill(0);
        while left > 0 {
            let most = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
            let zeros = self.buffer.get(..most).unwrap_or_default();
            hash.update(zeros);
            tar.write_all(zeros)?;
            left -= most as u64;
        }
        let rest = usize::try_from(size.next_multiple_of(512) - size).unwrap_or_default();
        tar.write_all([0; 512].get(..rest).unwrap_or_default())?;
        Ok((checksum(hash), read))
    }

    fn finish(mut self, manifest: &Manifest) -> io::Result<Hashing<File>> {
        let (size, mut text) = self.lists.into_manifest(manifest)?;
        let mut header = tar::Header::new_gnu();
        header.set_size(size);
        header.set_mode(0o644);
        self.tar.append_data(&mut header, Manifest::FILE, &mut text)?;
        self.tar.into_inner()?.finish()
    }
}

/// Opens a regular file, and nothing that has taken its place.
fn open(path: &Path) -> Result<(File, Metadata), (WhyLeftOut, Option<String>)> {
    // A pipe would keep whoever opens it waiting.
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits()).open(path).map_err(unreadable)?;
    let found = file.metadata().map_err(unreadable)?;
    match other_kind(found.file_type()) {
        Some(why) => Err((why, None)),
        None => Ok((file, found)),
    }
}

/// Why something that is no regular file is left out; directories are for the walk.
fn other_kind(kind: fs::FileType) -> Option<WhyLeftOut> {
    if kind.is_file() {
        None
    } else if kind.is_symlink() {
        Some(WhyLeftOut::Link)
    } else if kind.is_fifo() {
        Some(WhyLeftOut::Pipe)
    } else if kind.is_socket() {
        Some(WhyLeftOut::Socket)
    } else {
        Some(WhyLeftOut::Device)
    }
}

/// Why something that could not be read is left out.
#[expect(clippy::needless_pass_by_value, reason = "it is what a failed call gives")]
fn unreadable(error: io::Error) -> (WhyLeftOut, Option<String>) {
    let why = match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => WhyLeftOut::Vanished,
        _ if error.raw_os_error() == Some(nix::libc::ELOOP) => WhyLeftOut::Link,
        // Opening a socket, or a device without a driver, says so.
        _ if error.raw_os_error() == Some(nix::libc::ENXIO) => WhyLeftOut::Socket,
        _ => WhyLeftOut::NotReadable,
    };
    (why, (why == WhyLeftOut::NotReadable).then(|| error.to_string()))
}

fn left_out(name: &Path, why: WhyLeftOut, detail: Option<String>) -> LeftOut {
    let (path, raw_path) = in_words(name);
    LeftOut { path, raw_path, why: Some(why), detail }
}

/// A path as the manifest has it: as text, and in base64 where it is none.
fn in_words(path: &Path) -> (String, Option<String>) {
    use std::os::unix::ffi::OsStrExt as _;

    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;
    let raw = path.to_str().is_none().then(|| BASE64_STANDARD.encode(path.as_os_str().as_bytes()));
    (path.to_string_lossy().into_owned(), raw)
}

fn checksum(hash: Sha256) -> Checksum {
    Checksum::from_bytes(hash.finalize().into())
}

/// Hashes and counts what is written through it.
struct Hashing<T> {
    inner: T,
    hash: Sha256,
    size: u64,
}

impl<T> Hashing<T> {
    fn new(inner: T) -> Self {
        Self { inner, hash: Sha256::new(), size: 0 }
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(buffer)?;
        self.hash.update(buffer.get(..count).unwrap_or_default());
        self.size += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests;
