//! How much clients may ask for.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::clock::DefaultClock;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use leoscope_core::ids::UserId;
use leoscope_core::{Error, ErrorKind, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many seconds' worth of calls a caller that was quiet may make at once.
const BURST_SECS: u32 = 10;

/// How much clients may ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The largest request in bytes.
    pub request_bytes: usize,
    /// The most connections at once.
    pub connections: usize,
    /// The most calls that are worked on at once; open streams do not count.
    pub concurrent_calls: usize,
    /// How long a call may take; open streams and uploads take as long as they take.
    pub call_timeout: Duration,
    /// How many calls a second each caller may make in the long run, and ten times as many at once;
    /// `None` for any number.
    pub calls_per_second: Option<NonZeroU32>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_bytes: 4 << 20,
            connections: 16_384,
            concurrent_calls: 1_024,
            call_timeout: Duration::from_secs(30),
            calls_per_second: NonZeroU32::new(100),
        }
    }
}

type Callers = RateLimiter<UserId, HashMapStateStore<UserId>, DefaultClock>;

/// Keeps callers within the limits.
#[derive(Debug)]
pub(crate) struct Gate {
    turns: Arc<Semaphore>,
    callers: Option<Callers>,
}

impl Gate {
    pub(crate) fn new(limits: &Limits) -> Self {
        let quota = |rate: NonZeroU32| {
            let burst = NonZeroU32::new(BURST_SECS).map_or(rate, |secs| rate.saturating_mul(secs));
            Quota::per_second(rate).allow_burst(burst)
        };
        Self {
            turns: Arc::new(Semaphore::new(limits.concurrent_calls.min(Semaphore::MAX_PERMITS))),
            callers: limits.calls_per_second.map(|rate| RateLimiter::hashmap(quota(rate))),
        }
    }

    /// A turn for one call; it ends when it is dropped.
    pub(crate) fn turn(&self) -> Result<OwnedSemaphorePermit> {
        Arc::clone(&self.turns).try_acquire_owned().map_err(|_| {
            Error::new(ErrorKind::Exhausted, "the orchestrator has too much to do at the moment")
                .hint("try again in a few seconds")
        })
    }

    /// Counts a call of `caller`.
    pub(crate) fn admit(&self, caller: &UserId) -> Result<()> {
        match &self.callers {
            Some(callers) if callers.check_key(caller).is_err() => {
                Err(Error::new(ErrorKind::Exhausted, format!("user {caller} makes too many calls")).hint(
                    "wait a second between calls; --rate-limit of the orchestrator says how many it takes",
                ))
            }
            _ => Ok(()),
        }
    }

    /// Forgets callers that have been quiet.
    pub(crate) fn tidy(&self) {
        if let Some(callers) = &self.callers {
            callers.retain_recent();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_caller_has_a_share_of_its_own() {
        let gate = Gate::new(&Limits { calls_per_second: NonZeroU32::new(1), ..Limits::default() });
        let (one, other) = (UserId::parse("one").expect("id"), UserId::parse("other").expect("id"));
        for _ in 0..10 {
            gate.admit(&one).expect("within the burst");
        }
        let error = gate.admit(&one).expect_err("too many");
        assert_eq!(error.kind(), ErrorKind::Exhausted);
        gate.admit(&other).expect("somebody else's share");
        gate.tidy();
        gate.admit(&one).expect_err("one who has just called is not forgotten");
        let open = Gate::new(&Limits { calls_per_second: None, ..Limits::default() });
        for _ in 0..10_000 {
            open.admit(&one).expect("no limit");
        }
    }

    #[test]
    fn a_turn_is_free_again_when_its_call_has_ended() {
        let gate = Gate::new(&Limits { concurrent_calls: 1, ..Limits::default() });
        let turn = gate.turn().expect("turn");
        assert_eq!(gate.turn().expect_err("taken").kind(), ErrorKind::Exhausted);
        drop(turn);
        drop(gate.turn().expect("free"));
    }
}
