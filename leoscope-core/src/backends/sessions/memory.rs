//! Claims of the tasks of one process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use crate::error::Result;
use crate::ports::{Claim, Clock, Sessions};
use crate::time::{SignedDuration, Timestamp};

/// Claims that live as long as their object.
#[derive(Debug)]
pub struct MemorySessions {
    clock: Arc<dyn Clock>,
    claims: Mutex<BTreeMap<String, Held>>,
}

#[derive(Debug)]
struct Held {
    holder: String,
    until: Timestamp,
}

impl MemorySessions {
    /// No claims, and `clock` to tell when they end.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, claims: Mutex::default() }
    }

    fn claims(&self) -> MutexGuard<'_, BTreeMap<String, Held>> {
        self.claims.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Sessions for MemorySessions {
    async fn claim(&self, key: &str, holder: &str, ttl: Duration) -> Result<Claim> {
        let now = self.clock.now();
        let ttl = SignedDuration::try_from(ttl).unwrap_or(SignedDuration::MAX);
        let mut claims = self.claims();
        claims.retain(|_, held| held.until > now);
        match claims.get(key) {
            Some(held) if held.holder != holder => Ok(Claim::Theirs(held.holder.clone())),
            _ => {
                let until = now.checked_add(ttl).unwrap_or(Timestamp::MAX);
                claims.insert(key.to_owned(), Held { holder: holder.to_owned(), until });
                Ok(Claim::Ours)
            }
        }
    }

    async fn release(&self, key: &str, holder: &str) -> Result<()> {
        let mut claims = self.claims();
        if claims.get(key).is_some_and(|held| held.holder == holder) {
            claims.remove(key);
        }
        Ok(())
    }
}
