//! `leoscope run download`: fetch the results of runs.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use clap::Args;
use futures_util::StreamExt as _;
use leoscope_core::ids::RunId;
use leoscope_core::model::{ArtifactKey, Run};
use leoscope_core::ports::{ControlPlane, Source};
use leoscope_core::{Error, Result, bundle};
use tokio::io::AsyncWriteExt as _;

use super::{Which, nothing_found};
use crate::connect::Session;
use crate::exit::ExitStatus;
use crate::output::{Fetched, Output};

/// Options of `run download`.
#[derive(Debug, Args)]
pub(crate) struct Download {
    #[command(flatten)]
    which: Which,
    /// Download at most this many; 0 downloads all
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    limit: u32,
    /// Where to put them: each run in a directory <jobid>/<runid> below
    #[arg(long, value_name = "DIR", default_value = "./results")]
    local_path: PathBuf,
    /// Keep the archives beside the unpacked files
    #[arg(long)]
    keep_archive: bool,
}

pub(super) async fn run(download: Download, session: &Session, out: &Output) -> Result<ExitStatus> {
    let Download { which, limit, local_path, keep_archive } = download;
    let filter = which.filter(limit);
    if filter.id.is_none() && filter.job.is_none() && filter.node.is_none() && filter.within.is_none() {
        return Err(Error::invalid("no runs to download are named")
            .hint("give --runid, --jobid, --nodeid or --time-range"));
    }
    let plane = session.connect()?;
    let runs = plane.runs(&filter).await?;
    if runs.is_empty() {
        nothing_found(&filter, out)?;
    }
    let (ready, rest): (Vec<_>, Vec<_>) =
        runs.iter().partition(|run| run.status.is_terminal() && run.artifact.is_some());
    for run in rest {
        out.note(format_args!("run {} is {} and has no results to fetch", run.id, run.status));
    }
    let mut fetched = Vec::new();
    let mut status = ExitStatus::Done;
    for run in ready {
        match fetch(plane.as_ref(), run, &local_path, keep_archive).await {
            Ok(found) => fetched.push(found),
            // One bad bundle must not keep the others from coming.
            Err(error) => {
                out.failure(&error.clone().context(format_args!("run {}", run.id)));
                if status == ExitStatus::Done {
                    status = error.kind().into();
                }
            }
        }
    }
    out.list(&fetched);
    Ok(status)
}

/// Downloads and unpacks the bundle of one run below `dir`, unless it is there already.
pub(crate) async fn fetch(
    plane: &dyn ControlPlane,
    run: &Run,
    dir: &Path,
    keep_archive: bool,
) -> Result<Fetched> {
    let target = dir.join(run.job.as_str()).join(run.id.as_str());
    let fetched = |files| Fetched { run: run.id.clone(), job: run.job.clone(), path: target.clone(), files };
    if target.exists() {
        return Ok(fetched(None));
    }
    let key = ArtifactKey { node: run.node.clone(), job: run.job.clone(), run: run.id.clone() };
    let archive = dir.join(key.file_name());
    fetch_archive(plane, &run.id, &archive).await?;
    let (source, place) = (archive.clone(), target.clone());
    let unpacking = tokio::task::spawn_blocking(move || {
        let file =
            File::open(&source).map_err(|e| Error::while_doing(format!("open {}", source.display()), e))?;
        bundle::unpack(file, &place)
    });
    let unpacked = unpacking.await.map_err(|e| Error::while_doing("unpack the results", e))?;
    // A broken archive goes too, so that the next try fetches it anew.
    if unpacked.is_err() || !keep_archive {
        fs::remove_file(&archive)
            .map_err(|e| Error::while_doing(format!("remove {}", archive.display()), e))?;
    }
    match unpacked {
        Ok(files) => Ok(fetched(Some(files.len()))),
        // Not the caller's mistake, so not its kind either.
        Err(error) => {
            let hint = error.what_to_do().unwrap_or("fetch it again").to_owned();
            Err(Error::internal(error.message()).hint(hint))
        }
    }
}

/// Downloads the bundle of `run` to the file `archive`, through `<archive>.part`; directories above
/// it are made.
///
/// # Errors
/// The orchestrator's refusal, a connection that breaks, or a file that cannot be written.
async fn fetch_archive(plane: &dyn ControlPlane, run: &RunId, archive: &Path) -> Result<()> {
    let Source::Stream(mut content) = plane.download(run, 0).await?.source else {
        return Err(Error::internal("not there yet"));
    };
    let part = PathBuf::from([archive.as_os_str(), ".part".as_ref()].into_iter().collect::<OsString>());
    let failed = |e| Error::while_doing(format!("write {}", part.display()), e);
    if let Some(dir) = archive.parent() {
        fs::create_dir_all(dir).map_err(|e| Error::while_doing(format!("create {}", dir.display()), e))?;
    }
    let mut file = tokio::fs::File::create(&part).await.map_err(failed)?;
    while let Some(piece) = content.next().await {
        file.write_all(&piece?).await.map_err(failed)?;
    }
    file.flush().await.map_err(failed)?;
    drop(file);
    fs::rename(&part, archive).map_err(|e| Error::while_doing(format!("write {}", archive.display()), e))
}
