//! How much clients may ask for.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
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

/// The most uploads at once, and those of one caller among them. They take long, and no turn.
const UPLOADS: usize = 512;
const UPLOADS_OF_CALLER: usize = 8;

/// What one caller may have of all turns is one in so many.
const SHARE: usize = 4;

/// Keeps callers within the limits.
#[derive(Debug)]
pub(crate) struct Gate {
    calls: Turns,
    uploads: Turns,
    callers: Option<Callers>,
}

/// What a call asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    Call,
    Upload,
}

/// So many at once, and so many of one caller among them.
#[derive(Debug)]
struct Turns {
    all: Arc<Semaphore>,
    of_caller: usize,
    taken: Arc<Mutex<HashMap<UserId, usize>>>,
}

/// A turn of one caller; it ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    caller: UserId,
    taken: Arc<Mutex<HashMap<UserId, usize>>>,
    _place: OwnedSemaphorePermit,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.caller) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.caller);
            }
        }
    }
}

impl Turns {
    fn new(all: usize, of_caller: usize) -> Self {
        let all = Arc::new(Semaphore::new(all.min(Semaphore::MAX_PERMITS)));
        Self { all, of_caller, taken: Arc::default() }
    }

    fn take(&self, caller: &UserId) -> Result<Turn> {
        let busy = || {
            Error::new(ErrorKind::Exhausted, "the orchestrator has too much to do at the moment")
                .hint("try again in a few seconds")
        };
        let place = Arc::clone(&self.all).try_acquire_owned().map_err(|_| busy())?;
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(caller.clone()).or_default();
        if *count >= self.of_caller {
            return Err(Error::new(
                ErrorKind::Exhausted,
                format!("user {caller} has too many calls under way"),
            )
            .hint("wait for some of them to end"));
        }
        *count += 1;
        Ok(Turn { caller: caller.clone(), taken: Arc::clone(&self.taken), _place: place })
    }
}

impl Gate {
    pub(crate) fn new(limits: &Limits) -> Self {
        let quota = |rate: NonZeroU32| {
            let burst = NonZeroU32::new(BURST_SECS).map_or(rate, |secs| rate.saturating_mul(secs));
            Quota::per_second(rate).allow_burst(burst)
        };
        Self {
            calls: Turns::new(limits.concurrent_calls, (limits.concurrent_calls / SHARE).max(1)),
            uploads: Turns::new(UPLOADS, UPLOADS_OF_CALLER),
            callers: limits.calls_per_second.map(|rate| RateLimiter::hashmap(quota(rate))),
        }
    }

    /// A turn for one call of `caller`, which counts for its rate.
    pub(crate) fn admit(&self, caller: &UserId, work: Work) -> Result<Turn> {
        if self.callers.as_ref().is_some_and(|callers| callers.check_key(caller).is_err()) {
            return Err(Error::new(ErrorKind::Exhausted, format!("user {caller} makes too many calls"))
                .hint(
                    "wait a second between calls; --rate-limit of the orchestrator says how many it takes",
                ));
        }
        match work {
            Work::Call => self.calls.take(caller),
            Work::Upload => self.uploads.take(caller),
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
            gate.admit(&one, Work::Call).expect("within the burst");
        }
        let error = gate.admit(&one, Work::Call).expect_err("too many");
        assert_eq!(error.kind(), ErrorKind::Exhausted);
        gate.admit(&other, Work::Call).expect("somebody else's share");
        gate.tidy();
        gate.admit(&one, Work::Call).expect_err("one who has just called is not forgotten");
        let open = Gate::new(&Limits { calls_per_second: None, ..Limits::default() });
        for _ in 0..10_000 {
            open.admit(&one, Work::Call).expect("no limit");
        }
    }

    #[test]
    fn nobody_can_take_all_turns_and_a_turn_is_free_again_when_its_call_has_ended() {
        let limits = Limits { concurrent_calls: 8, calls_per_second: None, ..Limits::default() };
        let gate = Gate::new(&limits);
        let users: Vec<UserId> = (0..5).map(|n| UserId::parse(&format!("u{n}")).expect("id")).collect();
        let turn = |user: &UserId, work| gate.admit(user, work);
        let mut turns = Vec::new();
        for _ in 0..2 {
            turns.push(turn(&users[0], Work::Call).expect("within its share"));
        }
        let error = turn(&users[0], Work::Call).expect_err("more than its share");
        assert_eq!(
            (error.kind(), error.message()),
            (ErrorKind::Exhausted, "user u0 has too many calls under way")
        );
        for user in &users[1..4] {
            turns.push(turn(user, Work::Call).expect("a share of its own"));
            turns.push(turn(user, Work::Call).expect("a share of its own"));
        }
        let error = turn(&users[4], Work::Call).expect_err("none is left");
        assert_eq!(error.message(), "the orchestrator has too much to do at the moment");
        drop(turn(&users[4], Work::Upload).expect("uploads take no turn"));
        drop(turns);
        drop(turn(&users[4], Work::Call).expect("free again"));
        assert!(gate.calls.taken.lock().expect("lock").is_empty(), "nobody is remembered");
        let uploads: Vec<_> = (0..UPLOADS_OF_CALLER).map(|_| turn(&users[0], Work::Upload)).collect();
        assert!(uploads.iter().all(Result::is_ok));
        turn(&users[0], Work::Upload).expect_err("one caller's uploads are limited as well");
    }
}
