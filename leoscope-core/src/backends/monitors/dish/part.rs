//! What a dish may tell besides its status.

use tracing::{info, warn};

use crate::error::{Error, ErrorKind};
use crate::time::{SignedDuration, Timestamp};

/// After how long a dish that has refused is asked again. Its software changes now and then, and not
/// from one minute to the next. Also the longest pause after other failures.
pub(super) const AGAIN_AFTER: SignedDuration = SignedDuration::from_mins(10);

/// When to ask for something that the dish may refuse.
#[derive(Debug)]
pub(super) struct Part {
    name: &'static str,
    every: SignedDuration,
    /// When it was asked for last, and what came of it.
    last: Option<(Timestamp, Came)>,
}

/// What came of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Came {
    /// The answer.
    Told,
    /// That it is not told.
    Refused,
    /// Nothing, so many times in a row.
    Failed(u32),
}

impl Part {
    pub(super) const fn new(name: &'static str, every: SignedDuration) -> Self {
        Self { name, every, last: None }
    }

    /// Whether to ask for it now; what is `wanted` at once too, unless the dish has just refused it.
    pub(super) fn is_due(&self, now: Timestamp, wanted: bool) -> bool {
        let Some((at, came)) = self.last else { return true };
        let pause = match came {
            Came::Told | Came::Failed(_) if wanted => return true,
            Came::Told => self.every,
            Came::Refused => AGAIN_AFTER,
            Came::Failed(times) => {
                let doubled = 1_i32.checked_shl(times.saturating_sub(1).min(16)).unwrap_or(i32::MAX);
                self.every.saturating_mul(doubled).min(AGAIN_AFTER)
            }
        };
        let since = now.duration_since(at);
        // A clock that was set back does not keep it from being asked for.
        since >= pause || since.is_negative()
    }

    /// That it was asked for, and why it was not told.
    pub(super) fn asked(&mut self, now: Timestamp, fault: Option<&Error>) {
        let before = self.last.map_or(Came::Told, |(_, came)| came);
        let came = match fault.map(Error::kind) {
            None => Came::Told,
            Some(ErrorKind::PermissionDenied | ErrorKind::Unsupported) => Came::Refused,
            Some(_) => match before {
                Came::Failed(times) => Came::Failed(times.saturating_add(1)),
                Came::Told | Came::Refused => Came::Failed(1),
            },
        };
        match fault {
            Some(error) if before == Came::Told => {
                warn!(part = self.name, %error, "the dish does not tell all; it is watched without");
            }
            None if before != Came::Told => info!(part = self.name, "the dish tells it again"),
            Some(_) | None => {}
        }
        self.last = Some((now, came));
    }
}
