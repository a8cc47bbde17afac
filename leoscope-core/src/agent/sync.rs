//! Fetching the orders, and saying that the node is alive.

use futures_util::StreamExt;
use jiff::SignedDuration;

use super::Inner;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Heartbeat, Orders};

/// How long to wait after the stream of orders broke.
const RECONNECT: SignedDuration = SignedDuration::from_secs(1);

pub(super) async fn run(node: &Inner) -> Result<()> {
    tokio::try_join!(follow(node), heartbeats(node)).map(|((), ())| ())
}

/// Follows the orders: as a stream where the orchestrator has one, else by asking regularly.
pub(super) async fn follow(node: &Inner) -> Result<()> {
    let mut reachable = true;
    loop {
        let (error, pause) = match node.control.watch_orders(&node.config.node).await {
            Ok(mut stream) => loop {
                match stream.next().await {
                    Some(Ok(orders)) => {
                        reachable = note_reachable(reachable, None);
                        accept(node, orders).await?;
                    }
                    Some(Err(error)) => break (Some(error), RECONNECT),
                    None => break (None, RECONNECT),
                }
            },
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                match node.control.orders(&node.config.node).await {
                    Ok(orders) => {
                        accept(node, orders).await?;
                        (None, node.config.interval)
                    }
                    Err(error) => (Some(error), node.config.interval),
                }
            }
            Err(error) => (Some(error), RECONNECT),
        };
        reachable = note_reachable(reachable, error.as_ref());
        node.pause(pause).await;
    }
}

/// Logs a change of reachability once, not every attempt.
fn note_reachable(before: bool, error: Option<&Error>) -> bool {
    match (before, error) {
        (true, Some(error)) => {
            tracing::warn!(%error, "no orders from the orchestrator, going on with the last");
        }
        (false, None) => tracing::info!("the orchestrator is back"),
        _ => {}
    }
    error.is_none()
}

/// Keeps the orders, first on disk, then in use.
async fn accept(node: &Inner, orders: Orders) -> Result<()> {
    if node.orders.borrow().as_ref() == Some(&orders) {
        return Ok(());
    }
    tracing::info!(revision = orders.revision, jobs = orders.jobs.len(), "new orders");
    if node.keeps_orders {
        node.ledger.save_orders(&orders).await?;
    }
    node.orders.send_replace(Some(orders));
    Ok(())
}

async fn heartbeats(node: &Inner) -> Result<()> {
    loop {
        let beat = Heartbeat {
            node: node.config.node.clone(),
            time_zone: node.config.time_zone.clone(),
            clock_offset_us: node.clock_offset_us(),
        };
        if let Err(error) = node.control.heartbeat(beat).await {
            tracing::debug!(%error, "heartbeat not delivered");
        }
        node.pause(node.config.interval).await;
    }
}
