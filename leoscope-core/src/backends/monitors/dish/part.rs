//! What a dish may tell besides its status.

use tracing::{info, warn};

use crate::error::Error;
use crate::time::{SignedDuration, Timestamp};

/// After how long a dish that did not tell is asked again. Its software changes now and then, and not
/// from one minute to the next.
pub(super) const AGAIN_AFTER: SignedDuration = SignedDuration::from_mins(10);

/// When to ask for something that the dish may refuse.
#[derive(Debug)]
pub(super) struct Part {
    name: &'static str,
    every: SignedDuration,
    /// When it was asked for last, and what came of it.
    last: Option<(Timestamp, bool)>,
}

impl Part {
    pub(super) const fn new(name: &'static str, every: SignedDuration) -> Self {
        Self { name, every, last: None }
    }

    /// Whether to ask for it now; what is `wanted` at once too, unless the dish has just refused it.
    pub(super) fn is_due(&self, now: Timestamp, wanted: bool) -> bool {
        let Some((at, was_told)) = self.last else { return true };
        let pause = match (was_told, wanted) {
            (true, true) => return true,
            (true, false) => self.every,
            (false, _) => AGAIN_AFTER,
        };
        let since = now.duration_since(at);
        // A clock that was set back does not keep it from being asked for.
        since >= pause || since.is_negative()
    }

    /// That it was asked for, and why it was not told.
    pub(super) fn asked(&mut self, now: Timestamp, fault: Option<&Error>) {
        let was_told = self.last.is_none_or(|(_, was_told)| was_told);
        match fault {
            Some(error) if was_told => {
                warn!(part = self.name, %error, "the dish does not tell all; it is watched without");
            }
            None if !was_told => info!(part = self.name, "the dish tells it again"),
            Some(_) | None => {}
        }
        self.last = Some((now, fault.is_none()));
    }
}
