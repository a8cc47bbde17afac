//! What nodes read, shown to those who want to see it while they read it.
//!
//! Nothing is kept: the newest readings of a node lie here while somebody watches them. A node sends
//! for as long as somebody does, and each who watches takes what is newest when it is ready for it.

mod board;

use std::sync::Arc;

use futures_util::stream;

pub(super) use board::Board;
use board::{Reader, Sender};

use super::{Service, Session};
use crate::error::{Error, Result};
use crate::ids::NodeId;
use crate::model::NodeReadings;
use crate::policy::Action;
use crate::ports::{ReadersStream, ReadingsStream};
use crate::time::SignedDuration;

/// How long a connected node may send nothing while somebody watches.
const PATIENCE: SignedDuration = SignedDuration::from_secs(60);

impl Session {
    pub(super) async fn do_watch_readings(&self, node: &NodeId) -> Result<ReadingsStream> {
        self.require(&Action::WatchReadings(node))?;
        self.service.node(node).await?;
        let reader = self.service.board.watch(node, &self.caller.id)?;
        let watching = Watching { service: Arc::clone(&self.service), reader: Some(reader) };
        Ok(Box::pin(stream::unfold(watching, |mut watching| async move {
            watching.next().await.map(|item| (item, watching))
        })))
    }

    pub(super) async fn do_watch_readers(&self, node: &NodeId) -> Result<ReadersStream> {
        self.require(&Action::SendReadings(node))?;
        self.service.node(node).await?;
        let sender = self.service.board.connect(node);
        Ok(Box::pin(stream::unfold(sender, |mut sender: Sender| async move {
            let present = sender.next().await;
            Some((Ok(present), sender))
        })))
    }

    pub(super) async fn do_send_readings(&self, node: &NodeId, readings: NodeReadings) -> Result<()> {
        self.require(&Action::SendReadings(node))?;
        self.service.board.put(node, readings);
        Ok(())
    }
}

/// The state of one stream to somebody who watches.
struct Watching {
    service: Arc<Service>,
    /// `None` once it is over.
    reader: Option<Reader>,
}

impl Watching {
    async fn next(&mut self) -> Option<Result<NodeReadings>> {
        let reader = self.reader.as_mut()?;
        let now = self.service.clock.now();
        let late = self.service.clock.sleep_until(now.checked_add(PATIENCE).unwrap_or(now));
        let item = tokio::select! {
            biased;
            item = reader.next() => item,
            () = late => {
                let secs = PATIENCE.as_secs();
                let message = format!("node {} has sent nothing for {secs} seconds", reader.node());
                Err(Error::unavailable(message).hint("try again"))
            }
        };
        if item.is_err() {
            self.reader = None;
        }
        Some(item)
    }
}
