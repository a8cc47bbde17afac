//! From an archive to the results of a run.

use std::fs::{self, File};
use std::path::Path;

use super::part::Part;
use super::transfer::{Arrived, Stop};
use super::{Fetcher, Planned, State, plan};
use crate::bundle::{self, UnpackLimits, Unpacked};
use crate::error::{Error, ErrorKind, Result};

impl Fetcher<'_> {
    /// Fetches and unpacks the results of a run.
    pub(super) async fn get(&self, dir: &Path, planned: &Planned) -> State {
        match self.try_get(dir, planned).await {
            Ok(state) => state,
            Err(Stop::Missing(missing)) => State::Missing(missing),
            Err(Stop::Failed(error)) => State::Failed(error),
        }
    }

    async fn try_get(&self, dir: &Path, planned: &Planned) -> Result<State, Stop> {
        let Planned { run, path: target, decision: _ } = planned;
        let archive = plan::archive(dir, run);
        // One that somebody has kept is not ours to remove.
        let keep = self.options.keep_archive || archive.is_file();
        let mut is_last = false;
        loop {
            let Arrived { part, bundle, resumed } = self.arrive(&archive, run).await?;
            let limits = match self.options.max_unpacked {
                Some(bytes) => UnpackLimits { bytes, ..UnpackLimits::MOST },
                None => UnpackLimits::of_bundle(part.length),
            };
            let size = part.length;
            let outcome = unpack(&part, target, limits).await;
            match outcome {
                // Without a checksum only now it shows that a part of another bundle was here.
                Err(_) if bundle.is_none() && resumed && !is_last => {
                    part.remove()?;
                    is_last = true;
                }
                Err(error) => {
                    // Not kept as a part: it is whole, and would be refused again for ever.
                    if keep {
                        part.become_archive(&archive)?;
                    } else {
                        part.remove()?;
                    }
                    return Err(error.into());
                }
                Ok(Unpacked { files, bytes: unpacked, verified }) => {
                    if keep {
                        part.become_archive(&archive)?;
                    } else {
                        part.remove()?;
                    }
                    return Ok(State::Fetched { files: files.len(), size, unpacked, verified });
                }
            }
        }
    }
}

/// Unpacks an archive that nobody else is at.
async fn unpack(part: &Part, target: &Path, limits: UnpackLimits) -> Result<Unpacked> {
    let (source, target) = (part.path.clone(), target.to_owned());
    let work = tokio::task::spawn_blocking(move || {
        clear_away(&target);
        let file =
            File::open(&source).map_err(|e| Error::while_doing(format!("open {}", source.display()), e))?;
        bundle::unpack_within(file, &target, limits)
    });
    let unpacked = work.await.map_err(|e| Error::while_doing("unpack the results", e))?;
    // Not the caller's mistake, so not its kind either.
    unpacked.map_err(|error| match error.kind() {
        ErrorKind::InvalidArgument => {
            let hint = error.what_to_do().unwrap_or("fetch it again").to_owned();
            Error::internal(error.message()).hint(hint)
        }
        _ => error,
    })
}

/// Removes what an earlier try left that was killed while it unpacked; nobody else unpacks this run.
fn clear_away(target: &Path) {
    let (Some(parent), Some(name)) = (target.parent(), target.file_name().and_then(|name| name.to_str()))
    else {
        return;
    };
    let prefix = bundle::unpacking(name);
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(&prefix) {
            // What cannot be removed is in nobody's way.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
