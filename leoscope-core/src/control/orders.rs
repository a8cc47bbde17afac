use std::sync::Arc;

use futures_util::stream;

use super::changes::Listener;
use super::{Service, Session};
use crate::error::Result;
use crate::ids::NodeId;
use crate::model::Orders;
use crate::policy::Action;
use crate::ports::{OrdersStream, Timetable};

impl Session {
    pub(super) async fn do_orders(&self, node: &NodeId) -> Result<Orders> {
        self.require(&Action::ReadOrders(node))?;
        self.service.node(node).await?;
        self.service.orders(node).await
    }

    pub(super) async fn do_watch_orders(&self, node: &NodeId) -> Result<OrdersStream> {
        // Listening begins before the first look, so that nothing falls between the two.
        let listener = self.service.changes.listen();
        let first = self.do_orders(node).await?;
        let watch = Watch {
            service: Arc::clone(&self.service),
            node: node.clone(),
            listener,
            sent: None,
            next: Some(first),
        };
        Ok(Box::pin(stream::unfold(watch, |mut watch| async move {
            let item = watch.next().await?;
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
    async fn next(&mut self) -> Option<Result<Orders>> {
        loop {
            let orders = match self.next.take() {
                Some(orders) => orders,
                None => {
                    if !self.listener.changed(&self.node).await {
                        return None;
                    }
                    match self.service.orders(&self.node).await {
                        Ok(orders) => orders,
                        Err(error) => return Some(Err(error)),
                    }
                }
            };
            if self.sent != Some(orders.revision) {
                self.sent = Some(orders.revision);
                return Some(Ok(orders));
            }
        }
    }
}

impl Service {
    async fn orders(&self, node: &NodeId) -> Result<Orders> {
        let now = self.clock.now();
        let Timetable { jobs, versions } = self.timetable(std::iter::once(node)).await?;
        let open = jobs.into_iter().filter(|job| job.window.end() > now);
        let jobs = open.map(Arc::unwrap_or_clone).collect();
        let revision = versions.get(node).copied().unwrap_or_default();
        Ok(Orders { node: node.clone(), revision, jobs })
    }
}
