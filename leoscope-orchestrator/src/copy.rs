//! Exporting and importing.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use leoscope_core::backends::clock::SystemClock;
use leoscope_core::backends::store::StoreLocation;
use leoscope_core::control::backup::{self, BackupReader};
use leoscope_core::control::{Import, Origin, Taking};
use leoscope_core::model::{Record, RecordKind};
use leoscope_core::ports::{Clock as _, Store};
use leoscope_core::{Error, Result};

use crate::args::{Env, ExportArgs, ImportArgs};

/// Writes everything in the database.
pub(crate) async fn export(args: ExportArgs) -> Result<()> {
    let ExportArgs { database, to } = args;
    let store = database.resolve()?.open_existing().await?;
    if to == Path::new("-") {
        return write(store, io::BufWriter::new(io::stdout().lock())).await;
    }
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&to).map_err(|e| {
        let hint = match e.kind() {
            io::ErrorKind::AlreadyExists => "give another file, or move it away",
            _ => "check --to: the directory must be there, and this user must be allowed to write to it",
        };
        Error::invalid(format!("cannot write {}: {e}", to.display())).hint(hint)
    })?;
    write(store, io::BufWriter::new(&file)).await?;
    file.sync_all().map_err(|e| Error::while_doing(format!("write {}", to.display()), e))
}

async fn write(store: Arc<dyn Store>, mut to: impl Write) -> Result<()> {
    let mut lines = std::pin::pin!(backup::lines(store));
    let fault = |e| Error::while_doing("write the backup", e);
    while let Some(line) = lines.next().await {
        writeln!(to, "{}", line?).map_err(fault)?;
    }
    to.flush().map_err(fault)
}

type Records = BoxStream<'static, Result<Record>>;

/// What became of the records of one kind.
#[derive(Debug, Default)]
struct Count {
    added: u64,
    same: u64,
    updated: u64,
    skipped: u64,
}

#[derive(Debug, Default)]
struct Report(BTreeMap<RecordKind, Count>);

impl Report {
    fn count(&mut self, kind: RecordKind, taking: &Taking) {
        let count = self.0.entry(kind).or_default();
        *match taking {
            Taking::Added | Taking::Changed(_) => &mut count.added,
            Taking::Same => &mut count.same,
            Taking::Updated => &mut count.updated,
            Taking::Skipped(_) => &mut count.skipped,
        } += 1;
    }

    fn table(&self, unfit: u64) -> String {
        let mut table =
            format!("{:12}{:>10}{:>14}{:>10}{:>10}\n", "kind", "added", "here already", "updated", "skipped");
        for (kind, Count { added, same, updated, skipped }) in &self.0 {
            // Writing to a String cannot fail.
            let _ = writeln!(table, "{:12}{added:>10}{same:>14}{updated:>10}{skipped:>10}", kind.to_string());
        }
        if unfit > 0 {
            let _ = writeln!(table, "{unfit} could not be read");
        }
        table
    }
}

/// Takes everything in.
pub(crate) async fn import(args: ImportArgs, env: &Env) -> Result<()> {
    let ImportArgs { database, from, keep_admins } = args;
    let from = from.or_else(|| env.get("LEOSCOPE_IMPORT_FROM").cloned()).ok_or_else(|| {
        Error::invalid("it is not said from where to import")
            .hint("give --from: a backup file, or the location of a database")
    })?;
    let now = SystemClock.now();
    let (records, origin) = source(&from, keep_admins, now).await?;
    let store = database.resolve()?.open().await?;
    let mut report = Report::default();
    let mut unfit = 0;
    let records = records.map_ok(|offered| {
        offered
            .map_err(|refused| {
                tell(&refused);
                unfit += 1;
            })
            .ok()
    });
    let records = records.try_filter_map(async |record| Ok(record));
    let import = Import::new(store, origin);
    let outcome = import
        .run(records, now, |key, taking| {
            report.count(key.kind(), &taking);
            if let Taking::Skipped(_) | Taking::Changed(_) = taking {
                tell(&format!("{key} {taking}"));
            }
        })
        .await;
    let table = report.table(unfit);
    // What was taken in is told also when it could not be finished.
    io::stdout().write_all(table.as_bytes()).map_err(|e| Error::while_doing("write the result", e))?;
    outcome
}

fn tell(line: &str) {
    // Nobody is left to tell when this fails.
    let _ = writeln!(io::stderr(), "{line}");
}

/// Records, or a line about what cannot be one.
type Offered = BoxStream<'static, Result<std::result::Result<Record, String>>>;

#[cfg_attr(
    not(feature = "mongodb"),
    expect(unused_variables, reason = "only a MongoDB can be a foreign one")
)]
async fn source(
    from: &str,
    keep_admins: bool,
    now: leoscope_core::time::Timestamp,
) -> Result<(Offered, Origin)> {
    let fit = |records: Records| records.map_ok(Ok).boxed();
    if !["sqlite:", "mongodb:", "mongodb+srv:"].iter().any(|scheme| from.starts_with(scheme)) {
        return Ok((fit(from_file(from)?), Origin::Ours));
    }
    match from.parse::<StoreLocation>().map_err(|error| error.context("--from"))? {
        #[cfg(feature = "mongodb")]
        StoreLocation::MongoDb(uri) => {
            use leoscope_core::backends::store::{MongoSource, Unfit};
            match MongoSource::connect(&uri).await? {
                MongoSource::Ours(store) => Ok((fit(backup::records(Arc::new(store)).boxed()), Origin::Ours)),
                MongoSource::LeoScope(database) => {
                    let line = |Unfit { what, why }| format!("{what} cannot be taken in: {why}");
                    let records = database.records(now).map_ok(move |offered| offered.map_err(line));
                    Ok((records.boxed(), Origin::Foreign { with_admins: keep_admins }))
                }
            }
        }
        location => Ok((fit(backup::records(location.open_existing().await?).boxed()), Origin::Ours)),
    }
}

fn from_file(path: &str) -> Result<Records> {
    let input: Box<dyn BufRead + Send> = if path == "-" {
        Box::new(BufReader::new(io::stdin()))
    } else {
        let file = File::open(path).map_err(|e| {
            Error::invalid(format!("cannot read {path}: {e}"))
                .hint("check --from: a backup file, '-', sqlite:PATH or mongodb://HOST:PORT/NAME")
        })?;
        Box::new(BufReader::new(file))
    };
    let mut reader = Some(BackupReader::default());
    let mut lines = input.lines();
    let records = std::iter::from_fn(move || {
        loop {
            match lines.next() {
                Some(line) => {
                    let line = line.map_err(|e| Error::while_doing("read the backup", e));
                    match line.and_then(|line| reader.as_mut().map_or(Ok(None), |reader| reader.line(&line)))
                    {
                        Ok(None) => {}
                        Ok(Some(record)) => return Some(Ok(record)),
                        Err(error) => return Some(Err(error)),
                    }
                }
                None => return reader.take()?.finish().err().map(Err),
            }
        }
    });
    Ok(stream::iter(records).boxed())
}
