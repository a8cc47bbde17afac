//! Unpacking a bundle without trusting it: it was made on somebody else's machine.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use flate2::read::MultiGzDecoder;
use sha2::{Digest as _, Sha256};
use tar::EntryType;

use super::manifest;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{BundleFacts, Checksum};

/// The most files, directories and links a bundle may hold.
pub const MAX_UNPACKED_ENTRIES: u64 = 100_000;

/// The most bytes a bundle may unpack to: 64 GiB.
pub const MAX_UNPACKED_BYTES: u64 = 64 << 30;

/// What may stand between the contents of two entries: headers, long names, padding. The reader
/// of the archive holds long names in memory, so this also bounds the memory used.
pub(super) const MAX_HEADER_BYTES: u64 = 1 << 20;

/// How much a bundle may unpack to, however small it is: 4 GiB.
const ALWAYS_BYTES: u64 = 4 << 30;

/// How many times its own size a bundle may unpack to beyond that. What repeats itself without end
/// shrinks a thousandfold, logs and measurements five- to fiftyfold.
const MAX_RATIO: u64 = 250;

/// How much an archive may unpack to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnpackLimits {
    /// The most files, directories and links.
    pub entries: u64,
    /// The most bytes of all files together.
    pub bytes: u64,
}

impl UnpackLimits {
    /// The most that any bundle may unpack to.
    pub const MOST: Self = Self { entries: MAX_UNPACKED_ENTRIES, bytes: MAX_UNPACKED_BYTES };

    /// What a bundle of `size` bytes may unpack to where nobody says more: 4 GiB, or 250 times its own
    /// size where that is more, and never beyond [`MOST`](Self::MOST). One that is small and unpacks to
    /// more is rather made to fill a disk.
    pub fn of_bundle(size: u64) -> Self {
        let bytes = size.saturating_mul(MAX_RATIO).clamp(ALWAYS_BYTES, MAX_UNPACKED_BYTES);
        Self { bytes, ..Self::MOST }
    }
}

/// What was in a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unpacked {
    /// The paths of its files and links, in the order of the archive.
    pub files: Vec<PathBuf>,
    /// The bytes of all its files together.
    pub bytes: u64,
    /// Whether its files were compared with what its manifest lists; one without a manifest of ours was
    /// not.
    pub verified: bool,
}

/// [`unpack_within`] the [limits of any bundle](UnpackLimits::MOST), that gives the paths alone.
///
/// # Errors
/// Those of [`unpack_within`].
pub fn unpack(archive: impl Read, target: &Path) -> Result<Vec<PathBuf>> {
    unpack_within(archive, target, UnpackLimits::MOST).map(|unpacked| unpacked.files)
}

/// How the names of directories begin in which a bundle is being unpacked to the directory `name`.
pub fn unpacking(name: &str) -> String {
    // No id has this character, so the name of one run does not begin with that of another.
    format!(".unpacking-{name}~")
}

/// Unpacks a `.tar.gz` into the new directory `target`.
///
/// All or nothing: it is unpacked [beside](unpacking) `target`, its files are compared with those that
/// the manifest in it lists, and it is renamed at the end. Directories above `target` are made. Kept are
/// file contents and permissions.
///
/// # Errors
/// - [`AlreadyExists`](ErrorKind::AlreadyExists) when there is something at `target`.
/// - [`InvalidArgument`](ErrorKind::InvalidArgument) naming the entry for a path or link that
///   leaves the target or goes through a link, the same path twice, a name with control characters, a
///   device, socket or pipe, a file with a set-id bit, or more than `limits` allow; also for a broken
///   archive, and for one whose files are not those of its manifest.
/// - [`Internal`](ErrorKind::Internal) when a file cannot be written.
pub fn unpack_within(archive: impl Read, target: &Path, limits: UnpackLimits) -> Result<Unpacked> {
    if fs::symlink_metadata(target).is_ok() {
        return Err(Error::new(ErrorKind::AlreadyExists, format!("{} exists already", target.display()))
            .hint("remove it, or choose another directory"));
    }
    // A bare name has the empty path as parent.
    let parent = target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let create = |e| Error::while_doing(format!("create {}", parent.display()), e);
    fs::create_dir_all(parent).map_err(create)?;
    // The umask narrows this, as for any other directory.
    let open = Permissions::from_mode(0o777);
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let beside = tempfile::Builder::new()
        .prefix(&unpacking(&name))
        .permissions(open)
        .tempdir_in(parent)
        .map_err(create)?;
    let mut unpacker = Unpacker { root: beside.path(), left: limits, sums: BTreeMap::new() };
    let files = unpacker.unpack(archive)?;
    let Unpacker { left, sums, .. } = unpacker;
    let verified = manifest::verify(beside.path(), &sums)?;
    fs::rename(beside.path(), target)
        .map_err(|e| Error::while_doing(format!("create {}", target.display()), e))?;
    // The directory has gone to its place; there is nothing left to clear away.
    let _ = beside.keep();
    let files = files.into_iter().map(|file| target.join(file)).collect();
    Ok(Unpacked { files, bytes: limits.bytes - left.bytes, verified })
}

/// A reader that gives up after a number of bytes that its owner sets anew before each part.
pub(super) struct Metered<R> {
    pub(super) inner: R,
    pub(super) left: Rc<Cell<u64>>,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.left.get();
        if left == 0 && !buffer.is_empty() {
            return Err(io::Error::other(format!("more than {MAX_HEADER_BYTES} bytes between two files")));
        }
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.inner.read(&mut buffer[..most])?;
        self.left.set(left - count as u64);
        Ok(count)
    }
}

struct Unpacker<'a> {
    root: &'a Path,
    left: UnpackLimits,
    /// What identifies the content of each file.
    sums: BTreeMap<PathBuf, BundleFacts>,
}

impl Unpacker<'_> {
    fn unpack(&mut self, archive: impl Read) -> Result<Vec<PathBuf>> {
        let meter = Rc::new(Cell::new(MAX_HEADER_BYTES));
        let reader = Metered { inner: MultiGzDecoder::new(archive), left: Rc::clone(&meter) };
        let mut archive = tar::Archive::new(reader);
        let mut files = Vec::new();
        for entry in archive.entries().map_err(broken)? {
            let mut entry = entry.map_err(broken)?;
            meter.set(u64::MAX);
            files.extend(self.place(&mut entry)?);
            // What is not wanted of an entry is passed over here, not at the header's cost.
            io::copy(&mut entry, &mut io::sink()).map_err(broken)?;
            meter.set(MAX_HEADER_BYTES);
        }
        // Reading to the end checks the checksum of the whole and finds a cut-off archive.
        io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(broken)?;
        Ok(files)
    }

    /// Puts one entry in its place and gives its path unless it is a directory.
    fn place<R: Read>(&mut self, entry: &mut tar::Entry<'_, R>) -> Result<Option<PathBuf>> {
        let written = entry.path().map_err(broken)?.into_owned();
        let refuse = |why: &str| refused(&written, why);
        let kind = entry.header().entry_type();
        if kind == EntryType::XGlobalHeader {
            return Ok(None);
        }
        self.left.entries = self.left.entries.checked_sub(1).ok_or_else(|| refuse("is one too many"))?;
        if written.to_string_lossy().contains(char::is_control) {
            return Err(refuse("has control characters in its name"));
        }
        let path = inside(&written).ok_or_else(|| refuse("leaves the target directory"))?;
        if path.as_os_str().is_empty() {
            // The archive's own root, `./`.
            return if kind.is_dir() { Ok(None) } else { Err(refuse("has no name")) };
        }
        self.make_parents(&path).map_err(|e| e.explain(&written))?;
        let place = self.root.join(&path);
        if !kind.is_dir() && fs::symlink_metadata(&place).is_ok() {
            return Err(refuse("stands in the archive twice"));
        }
        match kind {
            EntryType::Directory => {
                self.make_directory(&path).map_err(|e| e.explain(&written))?;
                return Ok(None);
            }
            EntryType::Regular | EntryType::Continuous => {
                let size = entry.size();
                self.left.bytes = self.left.bytes.checked_sub(size).ok_or_else(|| refuse("is too large"))?;
                let mode = entry.header().mode().unwrap_or(0o644);
                if mode & SET_ID != 0 {
                    return Err(refuse("would run as somebody else (set-id)"));
                }
                let sum = write_file(entry, &place, mode, size).map_err(|e| e.explain(&written))?;
                self.sums.insert(path.clone(), sum);
            }
            EntryType::Symlink => {
                let to = entry.link_name().map_err(broken)?.ok_or_else(|| refuse("links to nothing"))?;
                if !stays_inside(&path, &to) {
                    return Err(refuse("links to a place outside the target directory"));
                }
                symlink(&to, &place).map_err(|e| Fault::Local(e).explain(&written))?;
            }
            EntryType::Link => {
                let to = entry.link_name().map_err(broken)?.ok_or_else(|| refuse("links to nothing"))?;
                let source = self.linked(&to).ok_or_else(|| refuse("links to no file of the archive"))?;
                fs::hard_link(&source, &place).map_err(|e| Fault::Local(e).explain(&written))?;
                let same = source.strip_prefix(self.root).ok().and_then(|path| self.sums.get(path)).copied();
                self.sums.extend(same.map(|sum| (path.clone(), sum)));
            }
            _ => return Err(refuse("is no file, directory or link")),
        }
        Ok(Some(path))
    }

    /// Makes the directories above `path`, each of which must be a real directory.
    fn make_parents(&self, path: &Path) -> Result<(), Fault> {
        let mut so_far = PathBuf::new();
        for part in path.parent().into_iter().flat_map(Path::components) {
            so_far.push(part);
            self.make_directory(&so_far)?;
        }
        Ok(())
    }

    fn make_directory(&self, path: &Path) -> Result<(), Fault> {
        let place = self.root.join(path);
        match fs::symlink_metadata(&place) {
            Ok(found) if found.is_dir() => Ok(()),
            Ok(_) => Err(Fault::Refused("goes through a file or link")),
            Err(_) => DirBuilder::new().mode(0o777).create(place).map_err(Fault::Local),
        }
    }

    /// The regular file, unpacked before, that a hard link to `to` means.
    fn linked(&self, to: &Path) -> Option<PathBuf> {
        let mut place = self.root.to_owned();
        let path = inside(to)?;
        let mut parts = path.components().peekable();
        while let Some(part) = parts.next() {
            place.push(part);
            let found = fs::symlink_metadata(&place).ok()?;
            let fits = if parts.peek().is_some() { found.is_dir() } else { found.is_file() };
            fits.then_some(())?;
        }
        (place != self.root).then_some(place)
    }
}

/// Why an entry could not be put in its place.
enum Fault {
    Refused(&'static str),
    Broken(io::Error),
    Local(io::Error),
}

impl Fault {
    fn explain(self, entry: &Path) -> Error {
        match self {
            Self::Refused(why) => refused(entry, why),
            Self::Broken(source) => broken(source),
            Self::Local(source) => Error::while_doing(format!("unpack {entry:?}"), source),
        }
    }
}

/// Set user id and set group id.
const SET_ID: u32 = 0o6000;

fn write_file(content: &mut impl Read, place: &Path, mode: u32, size: u64) -> Result<BundleFacts, Fault> {
    // The owner can always read and write what it fetched; the umask narrows the rest.
    let mode = (mode & 0o777) | 0o600;
    let mut file: File =
        OpenOptions::new().write(true).create_new(true).mode(mode).open(place).map_err(Fault::Local)?;
    // Not `io::copy`: whether reading or writing failed is not the same fault.
    let mut buffer = vec![0; 128 * 1024];
    let mut written = 0_u64;
    let mut hash = Sha256::new();
    loop {
        let count = match content.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(Fault::Broken(e)),
        };
        io::Write::write_all(&mut file, &buffer[..count]).map_err(Fault::Local)?;
        hash.update(&buffer[..count]);
        written += count as u64;
    }
    if written != size {
        return Err(Fault::Broken(io::ErrorKind::UnexpectedEof.into()));
    }
    Ok(BundleFacts { size, sha256: Checksum::from_bytes(hash.finalize().into()) })
}

/// `path` without `.`; `None` when it is absolute or has `..`.
fn inside(path: &Path) -> Option<PathBuf> {
    path.components()
        .filter(|part| *part != Component::CurDir)
        .map(|part| matches!(part, Component::Normal(_)).then_some(part))
        .collect()
}

/// Whether a symbolic link at `path` to `to` ends inside, whatever other links there are.
///
/// The link itself lies in a real directory, so leading `..` mean what they say. A later `..`
/// might climb from wherever another link leads, so there is none; without it every further step
/// goes down, or through a link to which the same applies.
fn stays_inside(path: &Path, to: &Path) -> bool {
    let depth = path.components().count() - 1;
    let up = to.components().take_while(|part| *part == Component::ParentDir).count();
    let mut rest = to.components().skip(up);
    up <= depth && rest.all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

fn refused(entry: &Path, why: &str) -> Error {
    Error::invalid(format!("archive entry {entry:?} {why}")).hint("do not trust this archive")
}

pub(super) fn broken(source: impl fmt::Display) -> Error {
    Error::invalid(format!("archive is broken: {source}")).hint("fetch it again")
}

#[cfg(test)]
mod tests;
