//! Cases for the sessions port.

#![expect(clippy::unwrap_used, reason = "a case fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::task::JoinSet;

use crate::ports::{Claim, Clock, Sessions};
use crate::time::SignedDuration;

/// One case: it gets a store without claims and the clock by which they end, and panics if the
/// store breaks its promise.
pub type Case = fn(Arc<dyn Sessions>, Arc<dyn Clock>) -> BoxFuture<'static, ()>;

macro_rules! cases {
    ($($name:ident)*) => {
        /// All cases, by name.
        pub const CASES: &[(&str, Case)] =
            &[$((stringify!($name), |sessions, clock| Box::pin($name(sessions, clock))),)*];
    };
}

cases! {
    of_many_that_claim_at_once_one_gets_it
    the_holder_claims_again_and_others_do_not
    what_is_released_is_free_and_only_the_holder_can
    a_claim_ends_by_itself_unless_it_is_renewed
    every_text_is_a_key_of_its_own
}

const LONG: Duration = Duration::from_secs(300);
const SHORT: Duration = Duration::from_secs(2);

fn theirs(holder: &str) -> Claim {
    Claim::Theirs(holder.to_owned())
}

async fn of_many_that_claim_at_once_one_gets_it(sessions: Arc<dyn Sessions>, _: Arc<dyn Clock>) {
    let mut tasks = JoinSet::new();
    for number in 0..16 {
        let sessions = Arc::clone(&sessions);
        tasks.spawn(async move { sessions.claim("key", &format!("holder-{number}"), LONG).await.unwrap() });
    }
    let claims = tasks.join_all().await;
    assert_eq!(claims.iter().filter(|claim| **claim == Claim::Ours).count(), 1, "{claims:?}");
}

async fn the_holder_claims_again_and_others_do_not(sessions: Arc<dyn Sessions>, _: Arc<dyn Clock>) {
    for _ in 0..2 {
        assert_eq!(sessions.claim("key", "a", LONG).await.unwrap(), Claim::Ours);
        assert_eq!(sessions.claim("key", "b", LONG).await.unwrap(), theirs("a"));
    }
    assert_eq!(sessions.claim("other", "b", LONG).await.unwrap(), Claim::Ours);
}

async fn what_is_released_is_free_and_only_the_holder_can(sessions: Arc<dyn Sessions>, _: Arc<dyn Clock>) {
    sessions.release("key", "a").await.unwrap();
    assert_eq!(sessions.claim("key", "a", LONG).await.unwrap(), Claim::Ours);
    sessions.release("key", "b").await.unwrap();
    assert_eq!(sessions.claim("key", "b", LONG).await.unwrap(), theirs("a"));
    sessions.release("key", "a").await.unwrap();
    assert_eq!(sessions.claim("key", "b", LONG).await.unwrap(), Claim::Ours);
    assert_eq!(sessions.claim("key", "a", LONG).await.unwrap(), theirs("b"));
}

async fn a_claim_ends_by_itself_unless_it_is_renewed(sessions: Arc<dyn Sessions>, clock: Arc<dyn Clock>) {
    let tick = || clock.sleep_until(clock.now() + SignedDuration::from_millis(500));
    assert_eq!(sessions.claim("left", "a", SHORT).await.unwrap(), Claim::Ours);
    assert_eq!(sessions.claim("kept", "a", SHORT).await.unwrap(), Claim::Ours);
    // What is left alone ends while what is renewed every half second does not.
    for ticks in 0.. {
        assert_eq!(sessions.claim("kept", "a", SHORT).await.unwrap(), Claim::Ours);
        assert_eq!(sessions.claim("kept", "b", SHORT).await.unwrap(), theirs("a"));
        if sessions.claim("left", "b", LONG).await.unwrap() == Claim::Ours {
            break;
        }
        assert!(ticks < 60, "the claim has not ended");
        tick().await;
    }
    assert_eq!(sessions.claim("left", "a", SHORT).await.unwrap(), theirs("b"));
}

async fn every_text_is_a_key_of_its_own(sessions: Arc<dyn Sessions>, _: Arc<dyn Clock>) {
    let long = "k".repeat(400);
    let keys =
        ["", "a", "a b", "a\r\nb", "a\0b", "ü", "run/node/20261201T000500Z-3f", &long, &format!("{long}k")];
    for (number, key) in keys.iter().enumerate() {
        let holder = format!("holder-{number}");
        assert_eq!(sessions.claim(key, &holder, LONG).await.unwrap(), Claim::Ours, "{key:?}");
        assert_eq!(sessions.claim(key, "other", LONG).await.unwrap(), theirs(&holder), "{key:?}");
    }
}
