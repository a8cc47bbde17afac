//! The cases of the sessions port, over every session store.

use std::sync::Arc;
use std::time::Duration;

use leoscope_core::ErrorKind;
use leoscope_core::backends::clock::{SystemClock, VirtualClock};
use leoscope_core::backends::sessions::{MemcachedSessions, MemorySessions};
use leoscope_core::conformance::sessions::{CASES, Case};
use leoscope_core::ports::{Claim, Clock, Sessions};
use leoscope_core::time::parse_time;
use leoscope_tests::memcached::Memcached;

macro_rules! suite {
    ($($case:ident),* $(,)?) => {
        const NAMES: &[&str] = &[$(stringify!($case)),*];

        mod memory {
            $(#[tokio::test(start_paused = true)]
            async fn $case() {
                super::in_memory(super::case(stringify!($case))).await;
            })*
        }

        mod memcached {
            $(#[tokio::test]
            async fn $case() {
                super::in_memcached(super::case(stringify!($case))).await;
            })*
        }
    };
}

suite!(
    of_many_that_claim_at_once_one_gets_it,
    the_holder_claims_again_and_others_do_not,
    what_is_released_is_free_and_only_the_holder_can,
    a_claim_ends_by_itself_unless_it_is_renewed,
    every_text_is_a_key_of_its_own,
);

#[test]
fn every_case_is_run() {
    let names: Vec<_> = CASES.iter().map(|(name, _)| *name).collect();
    assert_eq!(NAMES, names);
}

fn case(name: &str) -> Case {
    CASES.iter().find(|(case, _)| *case == name).expect("case").1
}

async fn in_memory(case: Case) {
    let clock: Arc<dyn Clock> =
        Arc::new(VirtualClock::starting_at(parse_time("2026-12-01T00:00:00").expect("time")));
    case(Arc::new(MemorySessions::new(Arc::clone(&clock))), clock).await;
}

async fn in_memcached(case: Case) {
    let Some(server) = Memcached::start() else { return };
    let sessions = MemcachedSessions::new(&server.location()).expect("location");
    case(Arc::new(sessions), Arc::new(SystemClock)).await;
}

#[tokio::test]
async fn claims_go_on_after_memcached_was_away() {
    let Some(server) = Memcached::start() else { return };
    let port = server.port();
    let sessions = MemcachedSessions::new(&server.location()).expect("location");
    let claim = || sessions.claim("key", "holder", Duration::from_secs(60));
    assert_eq!(claim().await.expect("claim"), Claim::Ours);
    drop(server);
    assert_eq!(claim().await.expect_err("it is away").kind(), ErrorKind::Unavailable);
    let _server = Memcached::start_on(port);
    assert_eq!(claim().await.expect("claim"), Claim::Ours);
}
