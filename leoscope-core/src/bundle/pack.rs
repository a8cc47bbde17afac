//! Packing the results of a run.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::model::{BundleFacts, Checksum};

/// What goes into a bundle.
#[derive(Debug, Clone)]
pub struct Contents {
    /// The results directory; everything in it is packed under its own path.
    pub results: PathBuf,
    /// Further files, packed under their names; those that are not there are left out.
    pub files: Vec<PathBuf>,
    /// What is known of the run, a JSON object; `files` and `left_out` are added to it and it is
    /// packed last, as `manifest.json`.
    pub manifest: Value,
}

/// Writes `contents` as a gzipped tar to `target`, which is there whole or not at all, and tells what
/// identifies it.
///
/// Files are read in pieces, so memory does not grow with the results. Anything that is neither a
/// regular file nor a directory (links, sockets, devices) is left out and named in the manifest.
///
/// # Errors
/// [`Internal`](crate::ErrorKind::Internal) naming the file that could not be read or written.
pub fn pack(contents: &Contents, target: &Path) -> Result<BundleFacts> {
    let parent = target.parent().unwrap_or(Path::new("."));
    let partial = target.with_extension("part");
    fs::create_dir_all(parent).map_err(|e| Error::while_doing(format!("write {}", target.display()), e))?;
    pack_by(contents, &partial, target, parent).inspect_err(|_| {
        // Half a bundle is of no use, and it is the full disk that leaves most of them.
        let _ = fs::remove_file(&partial);
    })
}

/// Packs into `partial`, which becomes `target`, both in the directory `parent`.
fn pack_by(contents: &Contents, partial: &Path, target: &Path, parent: &Path) -> Result<BundleFacts> {
    let doing = || format!("write {}", target.display());
    let file = File::create(partial).map_err(|e| Error::while_doing(doing(), e))?;
    let gzip = GzEncoder::new(BufWriter::new(Hashing::new(file)), Compression::fast());
    let mut packer = Packer { tar: tar::Builder::new(gzip), files: Vec::new(), left_out: Vec::new() };
    packer.tar.mode(tar::HeaderMode::Deterministic);
    packer.add_dir(&contents.results, Path::new(""))?;
    for path in &contents.files {
        if let Some(name) = path.file_name().filter(|_| path.is_file()) {
            packer.add_file(path, Path::new(name))?;
        }
    }
    let finish = || -> io::Result<BundleFacts> {
        let file = packer.finish(&contents.manifest)?;
        file.inner.sync_all()?;
        fs::rename(partial, target)?;
        File::open(parent)?.sync_all()?;
        Ok(file.facts())
    };
    finish().map_err(|e| Error::while_doing(doing(), e))
}

/// What identifies the bundle in a file.
///
/// # Errors
/// [`Internal`](crate::ErrorKind::Internal) when it cannot be read.
pub fn facts(bundle: &Path) -> Result<BundleFacts> {
    let read = || -> io::Result<BundleFacts> {
        let mut file = Hashing::new(File::open(bundle)?);
        io::copy(&mut file, &mut io::sink())?;
        Ok(file.facts())
    };
    read().map_err(|e| Error::while_doing(format!("read bundle {}", bundle.display()), e))
}

struct Packer<W: Write> {
    tar: tar::Builder<W>,
    files: Vec<Value>,
    left_out: Vec<String>,
}

impl<W: Write> Packer<W> {
    fn add_dir(&mut self, dir: &Path, name: &Path) -> Result<()> {
        let doing = || format!("read {}", dir.display());
        let entries = fs::read_dir(dir).map_err(|e| Error::while_doing(doing(), e))?;
        let mut entries =
            entries.collect::<io::Result<Vec<_>>>().map_err(|e| Error::while_doing(doing(), e))?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let (path, name) = (entry.path(), name.join(entry.file_name()));
            let kind = entry.file_type().map_err(|e| Error::while_doing(doing(), e))?;
            if kind.is_dir() {
                self.add_dir(&path, &name)?;
            } else if kind.is_file() {
                self.add_file(&path, &name)?;
            } else {
                self.left_out.push(name.display().to_string());
            }
        }
        Ok(())
    }

    fn add_file(&mut self, path: &Path, name: &Path) -> Result<()> {
        let mut add = || -> io::Result<()> {
            let file = File::open(path)?;
            let size = file.metadata()?.len();
            let mut header = tar::Header::new_gnu();
            header.set_size(size);
            header.set_mode(0o644);
            header.set_entry_type(tar::EntryType::Regular);
            // A file that is still being written may grow; the header's size is what is packed.
            let mut reader = Hashing::new(file.take(size));
            self.tar.append_data(&mut header, name, &mut reader)?;
            let BundleFacts { sha256, .. } = reader.facts();
            self.files.push(json!({ "path": name.display().to_string(), "size": size, "sha256": sha256 }));
            Ok(())
        };
        add().map_err(|e| Error::while_doing(format!("pack {}", path.display()), e))
    }
}

impl Packer<GzEncoder<BufWriter<Hashing<File>>>> {
    fn finish(mut self, manifest: &Value) -> io::Result<Hashing<File>> {
        let mut manifest = manifest.clone();
        manifest["files"] = Value::Array(self.files);
        manifest["left_out"] = json!(self.left_out);
        let text = format!("{manifest:#}\n");
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        self.tar.append_data(&mut header, "manifest.json", text.as_bytes())?;
        self.tar.into_inner()?.finish()?.into_inner().map_err(io::IntoInnerError::into_error)
    }
}

/// Hashes and counts what goes through it.
struct Hashing<T> {
    inner: T,
    hash: Sha256,
    size: u64,
}

impl<T> Hashing<T> {
    fn new(inner: T) -> Self {
        Self { inner, hash: Sha256::new(), size: 0 }
    }

    fn facts(self) -> BundleFacts {
        BundleFacts { size: self.size, sha256: Checksum::from_bytes(self.hash.finalize().into()) }
    }

    fn take_in(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.size += bytes.len() as u64;
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.take_in(&buffer[..count]);
        Ok(count)
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(buffer)?;
        self.take_in(&buffer[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
