//! Everything a store holds as lines of JSON, for backups and for moving to another store.
//!
//! The first line says what the file is and in which format, the last one how many records lie
//! between: a file that was cut off is not taken for a whole one.

use std::sync::Arc;

use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::model::Record;
use crate::ports::{PAGE, Store};

/// The version of the lines. The second one has events and the audit trail besides.
const FORMAT: u32 = 2;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Backup {
        format: u32,
    },
    End {
        records: u64,
    },
    #[serde(untagged)]
    Record(Box<Record>),
}

/// Where a format that is not known stops being read.
#[derive(Debug, Deserialize)]
struct FirstLine {
    backup: Header,
}

#[derive(Debug, Deserialize)]
struct Header {
    format: u32,
}

fn text(line: &Line) -> Result<String> {
    serde_json::to_string(line).map_err(|e| Error::while_doing("encode a record", e))
}

/// All records of `store`, in the order of their keys. What is changed meanwhile may be missing or
/// be there as it was.
pub fn records(store: Arc<dyn Store>) -> impl Stream<Item = Result<Record>> + Send {
    let pages = stream::try_unfold((store, None, false), |(store, last, done)| async move {
        if done {
            return Ok::<_, Error>(None);
        }
        let page = store.records(last.as_ref()).await?;
        let (done, last) = (page.len() < PAGE, page.last().map(Record::key));
        Ok(Some((stream::iter(page.into_iter().map(Ok)), (store, last, done))))
    });
    pages.try_flatten()
}

/// The lines of a backup of `store`, without their line ends. They hold what must be kept secret:
/// the hashes of access tokens and the keys in the settings.
pub fn lines(store: Arc<dyn Store>) -> impl Stream<Item = Result<String>> + Send {
    let first = stream::once(async { text(&Line::Backup { format: FORMAT }) });
    let rest = stream::try_unfold((Box::pin(records(store)), Some(0)), |(mut records, count)| async move {
        let Some(count) = count else { return Ok(None) };
        match records.next().await {
            Some(record) => {
                let line = text(&Line::Record(Box::new(record?)))?;
                Ok(Some((line, (records, Some(count + 1)))))
            }
            None => Ok(Some((text(&Line::End { records: count })?, (records, None)))),
        }
    });
    first.chain(rest)
}

/// Reads the lines of a backup.
#[derive(Debug, Default)]
pub struct BackupReader {
    lines: u64,
    ended: bool,
}

impl BackupReader {
    /// The record in the next line; `None` for the first and the last line.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) that names the line.
    pub fn line(&mut self, line: &str) -> Result<Option<Record>> {
        self.lines += 1;
        let number = self.lines;
        let fault =
            |why: &dyn std::fmt::Display| Error::invalid(format!("line {number} of the backup {why}"));
        if self.ended {
            return Err(fault(&"comes after its end").hint("give one backup at a time"));
        }
        if number == 1 {
            let FirstLine { backup: Header { format } } = serde_json::from_str(line).map_err(|_| {
                fault(&"does not begin one").hint("give a file that 'leoscope-orchestrator export' wrote")
            })?;
            if !(1..=FORMAT).contains(&format) {
                return Err(Error::invalid(format!(
                    "the backup has format {format}, this program knows up to {FORMAT}"
                ))
                .hint("use the newer program that wrote it"));
            }
            return Ok(None);
        }
        // What it says of the text could show a secret.
        let read =
            serde_json::from_str(line).map_err(|_| fault(&"cannot be read").hint("make the backup again"))?;
        match read {
            Line::Record(record) => Ok(Some(*record)),
            Line::End { records } if records == number - 2 => {
                self.ended = true;
                Ok(None)
            }
            Line::End { records } => Err(fault(&format_args!(
                "says that there are {records} records, but there are {}",
                number - 2
            ))
            .hint("make the backup again")),
            Line::Backup { .. } => Err(fault(&"begins another one").hint("give one backup at a time")),
        }
    }

    /// Checks that the backup has come to its end.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for one that was cut off.
    pub fn finish(self) -> Result<()> {
        if self.ended {
            return Ok(());
        }
        if self.lines == 0 {
            return Err(Error::invalid("the backup is empty")
                .hint("give a file that 'leoscope-orchestrator export' wrote"));
        }
        Err(Error::invalid(format!("the backup is cut off after line {}", self.lines))
            .hint("what is before was taken in; make the backup again, and take that in as well"))
    }
}
