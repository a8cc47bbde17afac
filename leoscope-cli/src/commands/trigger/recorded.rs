//! Files of recorded readings.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};

use leoscope_core::bundle::{UnpackLimits, unpack_within};
use leoscope_core::trigger::{Columns, Key, Recording, Trigger};
use leoscope_core::{Error, Result};

/// The files of telemetry in a bundle. What the first one has is not taken from the second: nodes decide
/// on what the dish says of itself at the time, which is the first.
const TELEMETRY: [&str; 2] = ["dish.csv", "dish-history.csv"];

/// Reads what `files` have of the fields that `trigger` names, and gives the names of the columns that are
/// no fields.
///
/// # Errors
/// A file that cannot be read, or is none of recorded readings, with its name and the line.
pub(super) fn read(files: &[PathBuf], trigger: &Trigger) -> Result<(Recording, BTreeSet<String>)> {
    let mut reading = Reading { recording: Recording::of(trigger.keys()), ignored: BTreeSet::new() };
    for path in files {
        reading.take(path)?;
    }
    Ok((reading.recording, reading.ignored))
}

struct Reading {
    recording: Recording,
    ignored: BTreeSet<String>,
}

impl Reading {
    fn take(&mut self, path: &Path) -> Result<()> {
        let is_bundle = path.to_str().is_some_and(|name| name.ends_with(".tar.gz") || name.ends_with(".tgz"));
        if path.is_dir() {
            self.directory(path, path)
        } else if is_bundle {
            self.bundle(path)
        } else {
            self.table(path, path, &BTreeSet::new()).map(drop)
        }
    }

    fn bundle(&mut self, path: &Path) -> Result<()> {
        let file = File::open(path).map_err(|e| unreadable(path, &e))?;
        let size = file.metadata().map_err(|e| unreadable(path, &e))?.len();
        let beside = tempfile::tempdir().map_err(|e| Error::while_doing("make a directory", e))?;
        let target = beside.path().join("bundle");
        unpack_within(file, &target, UnpackLimits::of_bundle(size))
            .map_err(|error| error.context(path.display()))?;
        self.directory(&target, path)
    }

    /// Takes the telemetry in `dir`, which came from `name`.
    fn directory(&mut self, dir: &Path, name: &Path) -> Result<()> {
        let files: Vec<_> = TELEMETRY.iter().filter(|file| dir.join(file).is_file()).collect();
        if files.is_empty() {
            let message = format!("{} has no {}", name.display(), TELEMETRY.join(" and no "));
            return Err(Error::invalid(message)
                .hint("give the bundle of a run whose node watched a dish, or a CSV file"));
        }
        let mut before = BTreeSet::new();
        for file in files {
            before.extend(self.table(&dir.join(file), &name.join(file), &before)?);
        }
        Ok(())
    }

    /// Takes a table at `path` in, but for the fields in `others`, and gives its fields.
    fn table(&mut self, path: &Path, name: &Path, others: &BTreeSet<Key>) -> Result<BTreeSet<Key>> {
        let file = File::open(path).map_err(|e| unreadable(name, &e))?;
        // Rows of another length are told with what is wrong about them.
        let mut rows = csv::ReaderBuilder::new().flexible(true).from_reader(file);
        let broken = |e: csv::Error| {
            Error::invalid(format!("{}: {e}", name.display())).hint("give a CSV file, or the bundle of a run")
        };
        let head: Vec<&str> = rows.headers().map_err(broken)?.iter().collect();
        let columns = Columns::of(&head).map_err(|error| error.context(name.display()))?;
        self.ignored.extend(columns.ignored().iter().cloned());
        let columns = columns.without(others);
        let mut row = csv::StringRecord::new();
        while rows.read_record(&mut row).map_err(broken)? {
            let cells: Vec<&str> = row.iter().collect();
            self.recording.row(&columns, &cells).map_err(|error| {
                let line = row.position().map_or(0, csv::Position::line);
                error.context(format_args!("{} line {line}", name.display()))
            })?;
        }
        Ok(columns.keys().cloned().collect())
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Error {
    Error::invalid(format!("{} cannot be read: {error}", path.display()))
}
