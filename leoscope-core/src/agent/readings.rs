//! Showing those who want to see it what the node reads.
//!
//! The link is the experiments': nothing is sent while nobody watches, and little while an experiment
//! measures that needs the link for itself.

use futures_util::StreamExt as _;
use jiff::SignedDuration;

use super::Inner;
use super::rest::rest;
use crate::error::{ErrorKind, Result};
use crate::handover::measures_alone;
use crate::model::NodeReadings;
use crate::ports::ReadersStream;
use crate::time::Timestamp;

/// How often the newest readings are sent, and how often while an experiment needs the link for itself.
const EVERY: SignedDuration = SignedDuration::from_secs(1);
const BESIDE_MEASURING: SignedDuration = SignedDuration::from_secs(10);

/// How long to wait after the connection broke: twice as long each time, up to the longest.
const RECONNECT: SignedDuration = SignedDuration::from_secs(1);
const LONGEST: SignedDuration = SignedDuration::from_secs(60);

/// How long to wait before an orchestrator that shows no readings is asked again.
const OLDER: SignedDuration = SignedDuration::from_mins(10);

pub(super) async fn run(node: &Inner) -> Result<()> {
    let mut reconnect = RECONNECT;
    let mut sent = None;
    loop {
        let pause = match node.control.watch_readers(&node.config.node).await {
            Ok(readers) => {
                reconnect = if serve(node, readers, &mut sent).await { RECONNECT } else { longer(reconnect) };
                reconnect
            }
            Err(error) if error.kind() == ErrorKind::Unsupported => OLDER,
            Err(error) => {
                tracing::debug!(%error, "cannot hear of those who want to see readings");
                reconnect = longer(reconnect);
                reconnect
            }
        };
        node.pause(pause).await;
    }
}

fn longer(pause: SignedDuration) -> SignedDuration {
    pause.saturating_mul(2).min(LONGEST)
}

/// Sends readings while anybody wants to see them, until the connection breaks; whether it worked at all.
/// `sent` is when it was done last: who comes and goes does not make it more often.
async fn serve(node: &Inner, mut readers: ReadersStream, sent: &mut Option<Timestamp>) -> bool {
    let (mut present, mut worked) = (false, false);
    loop {
        let every = interval(node).await;
        let due = async {
            if let Some(sent) = *sent {
                rest(&*node.clock, sent, every).await;
            }
        };
        tokio::select! {
            biased;
            told = readers.next() => {
                match told {
                    Some(Ok(now)) => (present, worked) = (now, true),
                    Some(Err(_)) | None => return worked,
                }
                continue;
            }
            () = due, if present => {}
        }
        *sent = Some(node.clock.now());
        if let Err(error) = node.control.send_readings(&node.config.node, newest(node)).await {
            tracing::debug!(%error, "cannot send readings");
            return false;
        }
    }
}

/// How long to wait until the next are sent.
async fn interval(node: &Inner) -> SignedDuration {
    // What cannot be told is taken for a run that needs the link.
    let entries = node.journal.all().await;
    let is_free = entries.is_ok_and(|entries| !entries.iter().any(measures_alone));
    if is_free { EVERY } else { BESIDE_MEASURING }
}

fn newest(node: &Inner) -> NodeReadings {
    NodeReadings { at: node.clock.now(), readings: node.observatory.latest() }
}
