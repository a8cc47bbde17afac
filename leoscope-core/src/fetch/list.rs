use std::cmp::Reverse;
use std::collections::HashSet;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use crate::error::{Error, ErrorKind, Result};
use crate::ids::RunId;
use crate::model::{Run, RunFilter};
use crate::ports::{ControlPlane, MOST_RUNS};
use crate::time::{SignedDuration, Timestamp, Window, wire_time};

/// How many answers are waited for at a time: while one is read, others are put together and on their way.
const AT_ONCE: usize = 3;

/// All runs that match, newest first, however many; at most as many as the filter's limit says.
///
/// Beyond the first ten thousand those are found that have a start, planned or actual, since 1970. They are asked
/// for in parts of the time: three at a time unless there is a limit, and one after the other where that was too
/// much for the orchestrator or the way there.
///
/// # Errors
/// Those of the call; [`Unsupported`](ErrorKind::Unsupported) when so many start at the same instant that
/// they cannot be told one after the other.
pub async fn list(plane: &dyn ControlPlane, filter: &RunFilter) -> Result<Vec<Run>> {
    gather(filter, |filter| async move { plane.runs(&filter).await }).await
}

/// [`list`] from answers of `tell`.
pub(super) async fn gather<A>(filter: &RunFilter, tell: impl Fn(RunFilter) -> A) -> Result<Vec<Run>>
where
    A: Future<Output = Result<Vec<Run>>>,
{
    let wanted = filter.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    // What is beyond a limit is not asked for, and where it is reached shows only what came in order.
    let mut at_once = if filter.limit.is_some() { 1 } else { AT_ONCE };
    let first = filter.within.map_or(Timestamp::UNIX_EPOCH, |within| within.start());
    let mut found = Found::default();
    let page = in_order(tell(filter.clone()).await?);
    let mut open = Open::beyond(&page, first);
    found.take_in(page);
    let ask = |part: Window, is_alone: bool| {
        let answer = tell(RunFilter { within: Some(part), limit: None, ..filter.clone() });
        async move { (part, is_alone, answer.await) }
    };
    let mut asked = FuturesUnordered::new();
    while found.count < wanted {
        while asked.len() < at_once
            && let Some(part) = open.next()
        {
            asked.push(ask(part, at_once == 1));
        }
        match asked.next().await {
            None => break,
            Some((part, _, Ok(page))) => {
                let page = in_order(page);
                open.answered(part, &page)?;
                found.take_in(page);
            }
            Some((part, false, Err(error)))
                if matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Exhausted) =>
            {
                at_once = 1;
                open.put_back(part);
            }
            Some((.., Err(error))) => return Err(error),
        }
    }
    Ok(found.newest_first(wanted))
}

/// Whether there may be more than a page holds. Orchestrators of the public testbed tell all at once.
fn is_full(page: &[Run]) -> bool {
    page.len() == MOST_RUNS as usize
}

/// Newest first, which those of the public testbed leave to others.
fn in_order(mut page: Vec<Run>) -> Vec<Run> {
    page.sort_by_key(|run| Reverse(run.sort_key()));
    page
}

/// From `since` to the oldest of a page that may not hold all: those at the same instant are told again, for
/// some of them may not have fitted.
fn remainder(page: &[Run], since: Timestamp) -> Option<Window> {
    let oldest = page.last().filter(|_| is_full(page))?.sort_key()?;
    let end = oldest.checked_add(SignedDuration::from_micros(1)).unwrap_or(oldest);
    Window::new(since, end).ok()
}

/// How long a part is whose runs one answer will hold, if they lie as close as those of `page`, which are from a
/// window of the length `told`; `None` where they are so few that one answer may hold all there are.
fn length(page: &[Run], told: SignedDuration) -> Option<SignedDuration> {
    let runs = i128::try_from(page.len()).ok().filter(|_| page.len() >= MOST_RUNS as usize / 4)?;
    // A tenth less than would fit.
    let micros = told.as_micros() * i128::from(MOST_RUNS) * 9 / 10 / runs;
    i64::try_from(micros).ok().map(SignedDuration::from_micros).filter(SignedDuration::is_positive)
}

/// [`length`] for a page that does not hold all: its runs lie between the first and the last of them.
fn length_of_full(page: &[Run]) -> Option<SignedDuration> {
    length(page, page.first()?.sort_key()?.duration_since(page.last()?.sort_key()?))
}

/// The times whose runs have not been asked for yet.
pub(super) struct Open(Vec<Rest>);

/// A time from whose end parts are cut.
struct Rest {
    window: Window,
    /// How long the next part is; `None` for all that is left.
    length: Option<SignedDuration>,
}

impl Open {
    /// What is left when `page` was the first answer.
    pub(super) fn beyond(page: &[Run], first: Timestamp) -> Self {
        let rest = remainder(page, first).map(|window| Rest { window, length: length_of_full(page) });
        Self(rest.into_iter().collect())
    }

    /// What to ask for next.
    pub(super) fn next(&mut self) -> Option<Window> {
        let Rest { window, length } = self.0.pop()?;
        let cut = length.and_then(|length| window.end().checked_sub(length).ok());
        let split = |at| Some((Window::new(window.start(), at).ok()?, Window::new(at, window.end()).ok()?));
        let Some((older, part)) = cut.and_then(split) else { return Some(window) };
        self.0.push(Rest { window: older, length });
        Some(part)
    }

    /// `part` has to be asked for once more.
    fn put_back(&mut self, part: Window) {
        self.0.push(Rest { window: part, length: None });
    }

    /// The answer to `part` was `page`: what did not fit is asked for again, and the runs before will lie about
    /// as close.
    ///
    /// # Errors
    /// [`Unsupported`](ErrorKind::Unsupported) when all in the page start at the same instant.
    pub(super) fn answered(&mut self, part: Window, page: &[Run]) -> Result<()> {
        let Some(window) = remainder(page, part.start()) else {
            let before = self.0.iter_mut().filter(|rest| rest.window.end() <= part.start());
            if let Some(next) = before.max_by_key(|rest| rest.window.end()) {
                next.length = length(page, part.length());
            }
            return Ok(());
        };
        if window == part {
            let at = page.last().and_then(Run::sort_key).unwrap_or(part.start());
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("{MOST_RUNS} runs or more start at {}, which are too many to list", wire_time(at)),
            )
            .hint("name a job or a node"));
        }
        self.0.push(Rest { window, length: length_of_full(page) });
        Ok(())
    }
}

/// Runs that were told, each once, in pages that came in any order.
#[derive(Default)]
pub(super) struct Found {
    pages: Vec<Vec<Run>>,
    count: usize,
    /// Those that are told again, with the remainder of their page.
    at_ends: HashSet<RunId>,
}

impl Found {
    pub(super) fn take_in(&mut self, mut page: Vec<Run>) {
        page.retain(|run| !self.at_ends.contains(&run.id));
        self.count += page.len();
        let oldest = page.last().and_then(Run::sort_key);
        let at_end = page.iter().rev().take_while(|run| run.sort_key() == oldest);
        self.at_ends.extend(at_end.map(|run| run.id.clone()));
        self.pages.push(page);
    }

    pub(super) fn newest_first(mut self, most: usize) -> Vec<Run> {
        // Of pages that end at the same instant the first goes on in the others.
        self.pages.sort_by_key(|page| Reverse(page.last().and_then(Run::sort_key)));
        // One whose start was changed meanwhile may be in two of them.
        let mut seen = HashSet::with_capacity(self.count);
        let is_new: Vec<_> = self.pages.iter().flatten().map(|run| seen.insert(&run.id)).collect();
        let mut runs = Vec::with_capacity(self.count.min(most));
        let new =
            self.pages.into_iter().flatten().zip(is_new).filter_map(|(run, is_new)| is_new.then_some(run));
        runs.extend(new.take(most));
        runs
    }
}
