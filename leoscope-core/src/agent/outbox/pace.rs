//! Sending no faster than the operator wishes.

use std::sync::{Arc, Mutex, PoisonError};

use crate::handover::Pacer;
use crate::ports::Clock;

/// What several senders of a node share.
#[derive(Debug)]
pub(in crate::agent) struct Pace {
    clock: Arc<dyn Clock>,
    pacer: Option<Mutex<Pacer>>,
}

impl Pace {
    /// At most so many bits per second, if there is a limit.
    pub(in crate::agent) fn new(clock: Arc<dyn Clock>, rate: Option<u64>) -> Self {
        Self { clock, pacer: rate.map(|rate| Mutex::new(Pacer::new(rate))) }
    }

    /// Waits until so many bytes may be sent.
    pub(in crate::agent) async fn take(&self, bytes: u64) {
        let Some(pacer) = &self.pacer else { return };
        let at = pacer.lock().unwrap_or_else(PoisonError::into_inner).take(bytes, self.clock.now());
        self.clock.sleep_until(at).await;
    }
}
