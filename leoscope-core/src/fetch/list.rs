use std::collections::HashSet;

use tokio::try_join;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{Run, RunFilter};
use crate::ports::{ControlPlane, MOST_RUNS};
use crate::time::{SignedDuration, Timestamp, Window, wire_time};

/// All runs that match, newest first, however many; at most as many as the filter's limit says.
///
/// Beyond the first ten thousand those are found that have a start, planned or actual. They are asked for two
/// pages at a time.
///
/// # Errors
/// Those of the call; [`Unsupported`](ErrorKind::Unsupported) when so many start at the same instant that
/// they cannot be told one after the other.
pub async fn list(plane: &dyn ControlPlane, filter: &RunFilter) -> Result<Vec<Run>> {
    let wanted = filter.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let first = filter.within.map_or(Timestamp::UNIX_EPOCH, |within| within.start());
    let mut found = Found::default();
    let mut page = plane.runs(filter).await?;
    loop {
        let (is_last, bounds) = (!is_full(&page), Bounds::of(&page));
        let before = found.runs.len();
        found.take_in(page);
        if is_last || found.runs.len() >= wanted {
            break;
        }
        let Some(Bounds { newest, oldest }) = bounds.filter(|bounds| bounds.oldest >= first) else { break };
        if found.runs.len() == before {
            let at = wire_time(oldest);
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("more than {MOST_RUNS} runs start at {at}, which are too many to list"),
            )
            .hint("name a job or a node"));
        }
        // Those at the same instant are told again: some of them may not have fitted.
        let end = oldest.checked_add(SignedDuration::from_micros(1)).unwrap_or(oldest);
        let Ok(rest) = Window::new(first, end) else { break };
        let part = |within| RunFilter { within: Some(within), limit: None, ..filter.clone() };
        page = match split(rest, newest.duration_since(oldest)) {
            None => plane.runs(&part(rest)).await?,
            Some((far, near)) => {
                let (far, near) = (part(far), part(near));
                let (far, near) = try_join!(plane.runs(&far), plane.runs(&near))?;
                if is_full(&near) {
                    // There is more between the two.
                    near
                } else {
                    found.take_in(near);
                    far
                }
            }
        };
    }
    found.runs.truncate(wanted);
    Ok(found.runs)
}

fn is_full(page: &[Run]) -> bool {
    page.len() >= MOST_RUNS as usize
}

/// The times of the runs of a page.
struct Bounds {
    newest: Timestamp,
    oldest: Timestamp,
}

impl Bounds {
    /// `None` where the last run has no time.
    fn of(page: &[Run]) -> Option<Self> {
        let oldest = page.last()?.sort_key()?;
        Some(Self { newest: page.first().and_then(Run::sort_key).unwrap_or(oldest), oldest })
    }
}

/// What is left, as two parts: what the next page will probably hold is the later one. A page had the runs of
/// `length`; with a tenth less, the next is likely not to be full.
fn split(rest: Window, length: SignedDuration) -> Option<(Window, Window)> {
    let at = rest.end().checked_sub(length * 9 / 10).ok()?;
    Some((Window::new(rest.start(), at).ok()?, Window::new(at, rest.end()).ok()?))
}

/// Runs that were told, each once.
#[derive(Default)]
struct Found {
    runs: Vec<Run>,
    seen: HashSet<crate::ids::RunId>,
}

impl Found {
    fn take_in(&mut self, page: Vec<Run>) {
        self.runs.extend(page.into_iter().filter(|run| self.seen.insert(run.id.clone())));
    }
}
