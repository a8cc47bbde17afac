use std::collections::HashSet;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{Run, RunFilter};
use crate::ports::{ControlPlane, MOST_RUNS};
use crate::time::{SignedDuration, Timestamp, Window, wire_time};

/// All runs that match, newest first, however many; at most as many as the filter's limit says.
///
/// Beyond the first ten thousand those are found that have a start, planned or actual.
///
/// # Errors
/// Those of the call; [`Unsupported`](ErrorKind::Unsupported) when so many start at the same instant that
/// they cannot be told one after the other.
pub async fn list(plane: &dyn ControlPlane, filter: &RunFilter) -> Result<Vec<Run>> {
    let wanted = filter.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let mut filter = filter.clone();
    let first = filter.within.map_or(Timestamp::UNIX_EPOCH, |within| within.start());
    let mut seen = HashSet::new();
    let mut runs: Vec<Run> = Vec::new();
    loop {
        let page = plane.runs(&filter).await?;
        let is_last = page.len() < MOST_RUNS as usize;
        let before = runs.len();
        runs.extend(page.into_iter().filter(|run| seen.insert(run.id.clone())));
        if is_last || runs.len() >= wanted {
            runs.truncate(wanted);
            return Ok(runs);
        }
        let Some(oldest) = runs.last().and_then(Run::sort_key).filter(|oldest| *oldest >= first) else {
            return Ok(runs);
        };
        if runs.len() == before {
            let at = wire_time(oldest);
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("more than {MOST_RUNS} runs start at {at}, which are too many to list"),
            )
            .hint("name a job or a node"));
        }
        // Those at the same instant are told again: some of them may not have fitted.
        let end = oldest.checked_add(SignedDuration::from_micros(1)).unwrap_or(oldest);
        let Ok(rest) = Window::new(first, end) else { return Ok(runs) };
        filter.within = Some(rest);
        filter.limit = None;
    }
}
