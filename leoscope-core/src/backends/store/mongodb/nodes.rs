//! Nodes.

use ::mongodb::bson::{Bson, Document, doc, serialize_to_bson};
use async_trait::async_trait;

use super::super::{missing, taken};
use super::documents::NodeDocument;
use super::{Access, LIMIT, MongoStore, after, fault, within};
use crate::error::{Error, Result};
use crate::ids::NodeId;
use crate::model::{Node, Standby, StandbyBy};
use crate::ports::NodeStore;
use crate::schedule::Zone;
use crate::time::Timestamp;

/// How often a call is noted anew after another call of the same node came first.
const ATTEMPTS: usize = 16;

#[async_trait]
impl NodeStore for MongoStore {
    async fn insert_node(&self, node: &Node) -> Result<()> {
        within(Access::Write, async {
            match self.nodes().insert_one(NodeDocument::from(node.clone())).await {
                Err(error) if fault::is_duplicate(&error) => Err(taken("node", &node.id)),
                other => other.map(drop).map_err(|e| fault::write(&e)),
            }
        })
        .await
    }

    async fn update_node(&self, node: &Node) -> Result<()> {
        within(Access::Write, async {
            let filter = doc! { "_id": node.id.as_str() };
            let replaced = self
                .nodes()
                .replace_one(filter, NodeDocument::from(node.clone()))
                .await
                .map_err(|e| fault::write(&e))?;
            if replaced.matched_count == 0 { Err(missing("node", &node.id)) } else { Ok(()) }
        })
        .await
    }

    async fn touch_node(&self, id: &NodeId, at: Timestamp) -> Result<()> {
        within(Access::Write, async {
            for _ in 0..ATTEMPTS {
                let found =
                    self.nodes().find_one(doc! { "_id": id.as_str() }).await.map_err(|e| fault::read(&e))?;
                let mut node: Node = found.ok_or_else(|| missing("node", id))?.try_into()?;
                let NodeDocument { last_active_us, contact_since_us, .. } = node.clone().into();
                let seen = doc! {
                    "_id": id.as_str(), "last_active_us": last_active_us, "contact_since_us": contact_since_us
                };
                node.touch(at);
                let touched = NodeDocument::from(node.clone());
                if (touched.last_active_us, touched.contact_since_us) == (last_active_us, contact_since_us) {
                    return Ok(());
                }
                let set = doc! { "$set": {
                    "last_active": node.last_active.map(|at| at.to_string()),
                    "last_active_us": touched.last_active_us,
                    "contact_since_us": touched.contact_since_us,
                } };
                if self.nodes().update_one(seen, set).await.map_err(|e| fault::write(&e))?.matched_count > 0 {
                    return Ok(());
                }
            }
            Err(Error::unavailable(format!("node {id} calls many times at once")).hint("try again"))
        })
        .await
    }

    async fn set_node_zone(&self, id: &NodeId, zone: Option<&Zone>) -> Result<()> {
        self.set_in_node(id, doc! { "timezone": zone.map(|zone| zone.name().to_owned()) }).await
    }

    async fn set_node_clock(&self, id: &NodeId, offset_us: Option<i64>) -> Result<()> {
        self.set_in_node(id, doc! { "clock_offset_us": offset_us }).await
    }

    async fn set_node_standby(&self, id: &NodeId, by: StandbyBy, standby: Option<&Standby>) -> Result<()> {
        within(Access::Write, async {
            let value = standby.map(serialize_to_bson).transpose();
            let value = value.map_err(|e| Error::while_doing("store a standby", e))?.unwrap_or(Bson::Null);
            let mut fields = match by {
                StandbyBy::Host => doc! { "host_standby": value },
                StandbyBy::Person => doc! {
                    "standby": value,
                    "scavenger_mode_active": standby.is_some_and(Standby::is_scavenger),
                },
            };
            if by == StandbyBy::Person && standby.is_none() {
                fields.insert("host_standby", Bson::Null);
            }
            let updated = self.nodes().update_one(doc! { "_id": id.as_str() }, doc! { "$set": fields }).await;
            match updated.map_err(|e| fault::write(&e))?.matched_count {
                0 => Err(missing("node", id)),
                _ => Ok(()),
            }
        })
        .await
    }

    async fn delete_node(&self, id: &NodeId) -> Result<()> {
        within(Access::Write, async {
            let deleted =
                self.nodes().delete_one(doc! { "_id": id.as_str() }).await.map_err(|e| fault::write(&e))?;
            if deleted.deleted_count == 0 { Err(missing("node", id)) } else { Ok(()) }
        })
        .await
    }

    async fn node(&self, id: &NodeId) -> Result<Option<Node>> {
        within(Access::Read, async {
            let found =
                self.nodes().find_one(doc! { "_id": id.as_str() }).await.map_err(|e| fault::read(&e))?;
            found.map(Node::try_from).transpose()
        })
        .await
    }

    async fn nodes(&self, last: Option<&NodeId>) -> Result<Vec<Node>> {
        within(Access::Read, async {
            let filter = after(last.map(NodeId::as_str));
            let found = super::list(&Self::nodes(self), filter, doc! { "_id": 1 }, LIMIT).await?;
            found.into_iter().map(Node::try_from).collect()
        })
        .await
    }
}

impl MongoStore {
    /// Sets some fields of a node.
    async fn set_in_node(&self, id: &NodeId, fields: Document) -> Result<()> {
        within(Access::Write, async {
            let updated = self.nodes().update_one(doc! { "_id": id.as_str() }, doc! { "$set": fields }).await;
            match updated.map_err(|e| fault::write(&e))?.matched_count {
                0 => Err(missing("node", id)),
                _ => Ok(()),
            }
        })
        .await
    }
}
