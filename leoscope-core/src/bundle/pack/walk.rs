//! Finding what there is to pack.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::vec;

use super::{other_kind, unreadable};
use crate::model::WhyLeftOut;

/// Something in the results directory, by its path there.
pub(super) enum Found {
    /// What was a regular file a moment ago.
    File(PathBuf),
    /// Something that is left out, why, and what the system says of it.
    Other(PathBuf, WhyLeftOut, Option<String>),
}

/// Everything below a directory in the order of names, without following links.
///
/// It goes down on a list of its own: how deep directories are is for the experiment to say.
pub(super) struct Walk<'a> {
    root: &'a Path,
    /// The directories it is in, each with the names that are left.
    within: Vec<(PathBuf, vec::IntoIter<OsString>)>,
    /// How many names more it takes in.
    left: u64,
    /// What is known of a directory and still to be told.
    pending: Vec<Found>,
}

impl<'a> Walk<'a> {
    /// A walk that takes in at most that many names.
    pub(super) fn new(root: &'a Path, most: u64) -> Self {
        let mut walk = Self { root, within: Vec::new(), left: most, pending: Vec::new() };
        walk.enter(PathBuf::new());
        walk
    }

    fn enter(&mut self, dir: PathBuf) {
        // The root by a name that is one.
        let told = || if dir.as_os_str().is_empty() { PathBuf::from(".") } else { dir.clone() };
        let mut other = |(why, detail)| self.pending.push(Found::Other(told(), why, detail));
        let entries = match fs::read_dir(self.root.join(&dir)) {
            Ok(entries) => entries,
            Err(error) => return other(unreadable(error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            match entry {
                Ok(_) if self.left == 0 => {
                    other((WhyLeftOut::TooMany, None));
                    break;
                }
                Ok(entry) => {
                    self.left -= 1;
                    names.push(entry.file_name());
                }
                // The same error would come for ever.
                Err(error) => {
                    other(unreadable(error));
                    break;
                }
            }
        }
        names.sort_unstable();
        self.within.push((dir, names.into_iter()));
    }

    fn look(&mut self, path: PathBuf) -> Option<Found> {
        let kind = fs::symlink_metadata(self.root.join(&path)).map(|found| found.file_type());
        match kind {
            Ok(kind) if kind.is_dir() => {
                self.enter(path);
                self.pending.pop()
            }
            Ok(kind) => Some(match other_kind(kind) {
                Some(why) => Found::Other(path, why, None),
                None => Found::File(path),
            }),
            Err(error) => Some(other(path, error)),
        }
    }
}

fn other(path: PathBuf, error: io::Error) -> Found {
    let (why, detail) = unreadable(error);
    Found::Other(path, why, detail)
}

impl Iterator for Walk<'_> {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        if let Some(found) = self.pending.pop() {
            return Some(found);
        }
        loop {
            let (dir, names) = self.within.last_mut()?;
            match names.next() {
                Some(name) => {
                    let path = dir.join(name);
                    if let Some(found) = self.look(path) {
                        return Some(found);
                    }
                }
                None => drop(self.within.pop()),
            }
        }
    }
}
