use std::sync::Arc;

use futures_util::stream;

use super::changes::Listener;
use super::{Service, Session};
use crate::error::{Error, Result};
use crate::ids::NodeId;
use crate::model::{Node, Orders, Record, is_clock_off};
use crate::policy::Action;
use crate::ports::{OrdersStream, Timetable, Versions};
use crate::time::SignedDuration;

/// How long a stream waits at least before it looks again for what it could not read.
const PAUSE_MS: u64 = 1_000;

impl Session {
    pub(super) async fn do_orders(&self, node: &NodeId) -> Result<Orders> {
        self.require(&Action::ReadOrders(node))?;
        self.service.node(node).await?;
        self.service.orders(node).await
    }

    pub(super) async fn do_watch_orders(&self, node: &NodeId) -> Result<OrdersStream> {
        // Listening begins before the first look, so that nothing falls between the two.
        let listener = self.service.changes.listen(node);
        let first = self.do_orders(node).await?;
        let watch = Watch {
            service: Arc::clone(&self.service),
            node: node.clone(),
            listener,
            sent: None,
            next: Some(first),
        };
        Ok(Box::pin(stream::unfold(watch, |mut watch| async move {
            let item = watch.next().await;
            Some((item, watch))
        })))
    }
}

/// The state of one stream of orders.
struct Watch {
    service: Arc<Service>,
    node: NodeId,
    listener: Listener,
    sent: Option<u64>,
    next: Option<Orders>,
}

impl Watch {
    /// The next orders that differ from those sent last.
    async fn next(&mut self) -> Result<Orders> {
        loop {
            let orders = match self.next.take() {
                Some(orders) => Some(orders),
                None => {
                    self.listener.changed().await;
                    self.look().await?
                }
            };
            if let Some(orders) = orders.filter(|orders| self.sent != Some(orders.revision)) {
                self.sent = Some(orders.revision);
                return Ok(orders);
            }
        }
    }
}

impl Watch {
    /// The orders, unless they are those sent last. While the store cannot be reached the stream
    /// waits: its node has its orders, and thousands that came back at once would help nobody.
    async fn look(&self) -> Result<Option<Orders>> {
        loop {
            match self.service.orders_unless(&self.node, self.sent).await {
                Err(error) if error.kind().is_transient() => {
                    let millis = PAUSE_MS + getrandom::u64().unwrap_or_default() % PAUSE_MS;
                    let now = self.service.clock.now();
                    let pause = SignedDuration::from_millis(millis.cast_signed());
                    self.service.clock.sleep_until(now.checked_add(pause).unwrap_or(now)).await;
                }
                other => return other,
            }
        }
    }
}

impl Service {
    /// Has everybody who has the orders of `node` look at them again, also at other orchestrators: the
    /// version of its timetable grows, though its jobs stay.
    pub(super) async fn stir(&self, node: &NodeId) -> Result<()> {
        let versions = self.store.timetable(&[node.clone()].into()).await?.versions;
        let version = versions.get(node).copied().unwrap_or_default() + 1;
        let grown = Record::Timetable { node: node.clone(), version };
        self.store.restore(&grown, &Versions::new()).await?;
        self.changes.announce([node]);
        Ok(())
    }

    async fn orders(&self, node: &NodeId) -> Result<Orders> {
        let orders = self.orders_unless(node, None).await?;
        orders.ok_or_else(|| Error::internal(format!("there are no orders for node {node}")))
    }

    /// The orders of a node, unless their revision is `known`.
    async fn orders_unless(&self, node: &NodeId, known: Option<u64>) -> Result<Option<Orders>> {
        let now = self.clock.now();
        let Timetable { jobs, versions } = self.timetable(std::iter::once(node)).await?;
        let revision = versions.get(node).copied().unwrap_or_default();
        if known == Some(revision) {
            return Ok(None);
        }
        let open = jobs.into_iter().filter(|job| job.window.end() > now);
        let jobs = open.map(Arc::unwrap_or_clone).collect();
        // Read after the revision, which grows when it changes.
        let registered = self.store.node(node).await?;
        let clock_offset_us =
            registered.as_ref().and_then(|node| node.clock_offset_us).filter(|us| is_clock_off(*us));
        let site = registered.as_ref().map(Node::site);
        let standby = registered.and_then(|node| node.standby.by_person);
        Ok(Some(Orders { node: node.clone(), revision, jobs, standby, clock_offset_us, site }))
    }
}
