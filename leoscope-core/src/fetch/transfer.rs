//! One archive on its way here.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::StreamExt as _;

use super::part::Part;
use super::{Fetcher, Missing};
use crate::error::{Error, ErrorKind, Result};
use crate::ids::RunId;
use crate::model::{BundleFacts, Run};
use crate::ports::{ByteStream, Source};

/// How often in a row it is tried in vain.
const ATTEMPTS: u32 = 5;

/// How long is waited before the second try; twice as long before each further one.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// How long nothing may come.
const PATIENCE: Duration = Duration::from_secs(60);

/// After how many runs in a row of which nothing came it is no longer tried more than once.
const HOPELESS: u32 = 8;

/// How often a bundle may be replaced while it is fetched.
const REPLACEMENTS: u32 = 3;

/// Why an archive does not come.
#[derive(Debug)]
pub(super) enum Stop {
    /// It cannot be had.
    Missing(Missing),
    /// It could not be fetched.
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// An archive that is here.
#[derive(Debug)]
pub(super) struct Arrived {
    pub(super) part: Part,
    /// What identifies it, where that is known; then it is what it should be.
    pub(super) bundle: Option<BundleFacts>,
    /// Whether a part of it came in an earlier try.
    pub(super) resumed: bool,
}

/// What a try came to.
enum Tried {
    /// The stream has ended as it should.
    Ended,
    /// The bundle is another one than was thought.
    Replaced(BundleFacts),
    /// It broke off; another try may help.
    Broke(Error),
}

impl Fetcher<'_> {
    /// Fetches the archive of a run, and goes on with the part of it that is here. One whose checksum is
    /// wrong is fetched once anew.
    pub(super) async fn arrive(&self, archive: &Path, run: &Run) -> Result<Arrived, Stop> {
        let mut bundle = run.bundle.map(|bundle| bundle.facts);
        let mut part = Part::open(archive, bundle.as_ref()).await?;
        let resumed = part.length > 0;
        self.progress.begin(&run.id, bundle.map(|bundle| bundle.size), part.length);
        let (mut in_vain, mut replaced, mut is_anew) = (0, 0, false);
        loop {
            if let Some(bundle) = bundle.filter(|bundle| part.length >= bundle.size) {
                if part.length == bundle.size && part.checksum().await? == bundle.sha256 {
                    return Ok(Arrived { part, bundle: Some(bundle), resumed });
                }
                part.clear().await?;
                self.progress.at(&run.id, 0);
                if is_anew {
                    part.remove()?;
                    return Err(damaged(&run.id).into());
                }
                // A part that was here may be at fault for the first time.
                is_anew = true;
            }
            let before = part.length;
            let tried = self.attempt(run, bundle, &mut part).await?;
            if part.length > before {
                (in_vain, _) = (0, self.unanswered.store(0, Ordering::Relaxed));
            }
            match tried {
                Tried::Ended if bundle.is_none() => return Ok(Arrived { part, bundle, resumed }),
                Tried::Ended if bundle.is_some_and(|bundle| part.length >= bundle.size) => {}
                Tried::Ended => {
                    in_vain = self.wait(in_vain, cut_short(&run.id, part.length, bundle)).await?;
                }
                Tried::Broke(error) => in_vain = self.wait(in_vain, error).await?,
                Tried::Replaced(now) => {
                    replaced += 1;
                    if replaced > REPLACEMENTS {
                        return Err(changing(&run.id).into());
                    }
                    part.remove()?;
                    bundle = Some(now);
                    part = Part::open(archive, bundle.as_ref()).await?;
                    self.progress.begin(&run.id, Some(now.size), part.length);
                }
            }
        }
    }

    /// Waits before the next try, and counts those in vain; after the last one `error` is the end.
    async fn wait(&self, in_vain: u32, error: Error) -> Result<u32> {
        let is_hopeless = self.unanswered.load(Ordering::Relaxed) >= HOPELESS;
        if is_hopeless || in_vain + 1 >= ATTEMPTS {
            self.unanswered.fetch_add(1, Ordering::Relaxed);
            return Err(error);
        }
        tracing::debug!(%error, "a download broke off");
        tokio::time::sleep(FIRST_WAIT * 2_u32.pow(in_vain)).await;
        Ok(in_vain + 1)
    }

    /// Appends to `part` what comes of `bundle`.
    async fn attempt(&self, run: &Run, bundle: Option<BundleFacts>, part: &mut Part) -> Result<Tried, Stop> {
        let from = part.length;
        let download = match self.plane.download(&run.id, from).await {
            Ok(download) => download,
            Err(error) if error.kind().is_transient() => return Ok(Tried::Broke(error)),
            Err(error) => return Err(refused(error)),
        };
        if let Some(now) = download.bundle
            && bundle != Some(now)
        {
            return Ok(Tried::Replaced(now));
        }
        let content = match download.source {
            Source::Stream(content) => content,
            Source::Link(link) => {
                let blob = self.blob.ok_or_else(unreadable)?;
                match blob.fetch(&link, from).await {
                    Ok(content) => content,
                    Err(error) if may_pass(error.kind()) => return Ok(Tried::Broke(error)),
                    Err(error) if error.kind() == ErrorKind::NotFound => {
                        return Err(Stop::Missing(Missing::Gone));
                    }
                    Err(error) => return Err(error.into()),
                }
            }
        };
        let broken = self.copy(&run.id, content, bundle, part).await?;
        part.flush().await?;
        Ok(broken.map_or(Tried::Ended, Tried::Broke))
    }

    /// Copies to the end, and gives what broke it off.
    async fn copy(
        &self,
        run: &RunId,
        mut content: ByteStream,
        bundle: Option<BundleFacts>,
        part: &mut Part,
    ) -> Result<Option<Error>> {
        loop {
            let piece = match tokio::time::timeout(PATIENCE, content.next()).await {
                Ok(None) => return Ok(None),
                Ok(Some(Ok(piece))) => piece,
                Ok(Some(Err(error))) => return Ok(Some(error)),
                Err(_) => {
                    let secs = PATIENCE.as_secs();
                    return Ok(Some(Error::unavailable(format!("nothing came of run {run} for {secs} s"))));
                }
            };
            part.append(&piece).await?;
            self.progress.at(run, part.length);
            // Its checksum is wrong already; what else comes would only fill the disk.
            if bundle.is_some_and(|bundle| part.length > bundle.size) {
                return Ok(None);
            }
        }
    }
}

/// Whether what a link says may be otherwise with a new one, or later.
fn may_pass(kind: ErrorKind) -> bool {
    kind.is_transient() || kind == ErrorKind::PermissionDenied
}

/// What the orchestrator's refusal to hand a bundle out means.
fn refused(error: Error) -> Stop {
    match error.kind() {
        ErrorKind::NotFound => Stop::Missing(Missing::Gone),
        ErrorKind::PermissionDenied => Stop::Missing(Missing::NotPermitted),
        _ => Stop::Failed(error),
    }
}

fn unreadable() -> Error {
    Error::new(ErrorKind::Unsupported, "the results are in blob storage, which cannot be read from here")
        .hint("fetch them with the link that 'leoscope run get --links' shows")
}

fn damaged(run: &RunId) -> Error {
    Error::internal(format!(
        "the results of run {run} came twice with another checksum than the testbed has noted"
    ))
    .hint("tell the operator: the bundle in the artifact store may be damaged")
}

fn cut_short(run: &RunId, length: u64, bundle: Option<BundleFacts>) -> Error {
    let size = bundle.map_or(0, |bundle| bundle.size);
    Error::unavailable(format!("the results of run {run} ended after {length} of {size} bytes"))
        .hint("try again: what has come is kept")
}

fn changing(run: &RunId) -> Error {
    Error::new(ErrorKind::Stale, format!("the results of run {run} are being replaced again and again"))
        .hint("try again later")
}
