//! The lists of a manifest, which may be longer than memory should be.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::path::Path;

use serde::Serialize;

use crate::model::{LeftOut, Manifest, PackedFile};

/// What a manifest says of files, until the manifest is written.
#[derive(Debug)]
pub(super) struct Lists {
    files: List,
    left_out: List,
}

impl Lists {
    /// Empty ones, kept in nameless files in `dir`.
    pub(super) fn new(dir: &Path) -> io::Result<Self> {
        Ok(Self { files: List::new(dir)?, left_out: List::new(dir)? })
    }

    /// Notes a file that is in the bundle.
    pub(super) fn add(&mut self, file: &PackedFile) -> io::Result<()> {
        self.files.add(file)
    }

    /// Notes something that is not.
    pub(super) fn leave_out(&mut self, what: &LeftOut) -> io::Result<()> {
        self.left_out.add(what)
    }

    /// The text of `manifest` with these lists, and how many bytes it has.
    pub(super) fn into_manifest(self, manifest: &Manifest) -> io::Result<(u64, impl Read)> {
        let Self { files, left_out } = self;
        let bare = Manifest { files: Vec::new(), left_out: Vec::new(), ..manifest.clone() };
        // The lists are its last fields, and are not written while they are empty.
        let mut head = serde_json::to_string_pretty(&bare)?;
        head.truncate(head.trim_end_matches('}').trim_end().len());
        head.push_str(",\n  \"files\": [");
        let (middle, end) = ("\n  ],\n  \"left_out\": [", "\n  ]\n}\n");
        let size = (head.len() + middle.len() + end.len()) as u64 + files.size + left_out.size;
        let text = io::Cursor::new(head).chain(files.read()?).chain(middle.as_bytes());
        Ok((size, text.chain(left_out.read()?).chain(end.as_bytes())))
    }
}

/// Items of an array of JSON, a line each, in a file.
#[derive(Debug)]
struct List {
    file: BufWriter<File>,
    size: u64,
}

impl List {
    fn new(dir: &Path) -> io::Result<Self> {
        Ok(Self { file: BufWriter::new(tempfile::tempfile_in(dir)?), size: 0 })
    }

    fn add(&mut self, item: &impl Serialize) -> io::Result<()> {
        let comma = if self.size == 0 { "" } else { "," };
        let line = format!("{comma}\n    {}", serde_json::to_string(item)?);
        self.size += line.len() as u64;
        self.file.write_all(line.as_bytes())
    }

    fn read(self) -> io::Result<impl Read> {
        let mut file = self.file.into_inner()?;
        file.rewind()?;
        Ok(BufReader::new(file))
    }
}
