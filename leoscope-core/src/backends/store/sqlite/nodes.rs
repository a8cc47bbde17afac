//! Nodes.

use async_trait::async_trait;
use rusqlite::{Row, Transaction, params};

use super::super::{missing, taken};
use super::SqliteStore;
use crate::backends::rows::{all, document, encode, execute, micros, one, rows};
use crate::error::Result;
use crate::ids::NodeId;
use crate::model::{Node, Standby, StandbyBy, Standbys};
use crate::ports::{NodeStore, PAGE};
use crate::schedule::Zone;
use crate::time::Timestamp;

pub(super) const ONE: &str = "SELECT doc, last_active_us, contact_since_us FROM nodes WHERE nodeid = ?1";
pub(super) const LIST: &str = "SELECT doc, last_active_us, contact_since_us FROM nodes
                               WHERE nodeid > ?1 ORDER BY nodeid LIMIT ?2";

/// The document does not hold when the node was active; that has columns of its own, which
/// heartbeats change without rewriting the document.
fn node_document(node: &Node) -> Result<String> {
    encode(&Node { last_active: None, contact_since: None, ..node.clone() })
}

pub(super) fn node_row(row: &Row<'_>) -> rusqlite::Result<Node> {
    let node: Node = document(row)?;
    let instant = |column| {
        let us = row.get::<_, Option<i64>>(column)?;
        Ok::<_, rusqlite::Error>(us.and_then(|us| Timestamp::from_microsecond(us).ok()))
    };
    Ok(Node { last_active: instant(1)?, contact_since: instant(2)?, ..node })
}

pub(super) fn insert(tx: &Transaction<'_>, node: &Node) -> Result<()> {
    let insert = "INSERT INTO nodes (nodeid, last_active_us, contact_since_us, doc) VALUES (?1, ?2, ?3, ?4)
                  ON CONFLICT DO NOTHING";
    let (active, since) = (micros(node.last_active), micros(node.contact_since));
    match execute(tx, insert, params![node.id.as_str(), active, since, node_document(node)?])? {
        0 => Err(taken("node", &node.id)),
        _ => Ok(()),
    }
}

#[async_trait]
impl NodeStore for SqliteStore {
    async fn insert_node(&self, node: &Node) -> Result<()> {
        let node = node.clone();
        self.database.write(move |tx| insert(tx, &node)).await
    }

    async fn update_node(&self, node: &Node) -> Result<()> {
        let (id, doc) = (node.id.clone(), node_document(node)?);
        let (active, since) = (micros(node.last_active), micros(node.contact_since));
        let update =
            "UPDATE nodes SET last_active_us = ?2, contact_since_us = ?3, doc = ?4 WHERE nodeid = ?1";
        self.database
            .write(move |tx| match execute(tx, update, params![id.as_str(), active, since, doc])? {
                0 => Err(missing("node", id)),
                _ => Ok(()),
            })
            .await
    }

    async fn touch_node(&self, id: &NodeId, at: Timestamp) -> Result<()> {
        let id = id.clone();
        // As `Node::touch` does it.
        let update = "UPDATE nodes SET
                contact_since_us = CASE WHEN ?2 - coalesce(last_active_us, ?2 - ?3 - 1) > ?3
                                   THEN ?2 ELSE contact_since_us END,
                last_active_us = max(coalesce(last_active_us, ?2), ?2)
            WHERE nodeid = ?1";
        let silence = i64::try_from(Node::LONGEST_SILENCE.as_micros()).unwrap_or(i64::MAX);
        self.database
            .write(move |tx| match execute(tx, update, params![id.as_str(), at.as_microsecond(), silence])? {
                0 => Err(missing("node", id)),
                _ => Ok(()),
            })
            .await
    }

    async fn set_node_zone(&self, id: &NodeId, zone: Option<&Zone>) -> Result<()> {
        let (id, zone) = (id.clone(), zone.map(|zone| zone.name().to_owned()));
        let update = "UPDATE nodes SET doc = json_set(doc, '$.time_zone', ?2) WHERE nodeid = ?1";
        self.database
            .write(move |tx| match execute(tx, update, params![id.as_str(), zone])? {
                0 => Err(missing("node", id)),
                _ => Ok(()),
            })
            .await
    }

    async fn set_node_standby(&self, id: &NodeId, by: StandbyBy, standby: Option<&Standby>) -> Result<()> {
        let mut set = Standbys::default();
        set.set(by, standby.cloned());
        let update = match (by, standby) {
            (StandbyBy::Host, _) => {
                "UPDATE nodes SET doc = json_set(doc, '$.host_standby', ?2 -> '$.host_standby')
                 WHERE nodeid = ?1"
            }
            (StandbyBy::Person, Some(_)) => {
                "UPDATE nodes SET doc = json_set(doc, '$.standby', ?2 -> '$.standby',
                    '$.scavenger_mode_active', ?2 -> '$.scavenger_mode_active')
                 WHERE nodeid = ?1"
            }
            (StandbyBy::Person, None) => "UPDATE nodes SET doc = json_patch(doc, ?2) WHERE nodeid = ?1",
        };
        let (id, set) = (id.clone(), encode(&set)?);
        self.database
            .write(move |tx| match execute(tx, update, params![id.as_str(), set])? {
                0 => Err(missing("node", id)),
                _ => Ok(()),
            })
            .await
    }

    async fn set_node_clock(&self, id: &NodeId, offset_us: Option<i64>) -> Result<()> {
        let id = id.clone();
        let update = "UPDATE nodes SET doc = json_set(doc, '$.clock_offset_us', ?2) WHERE nodeid = ?1";
        self.database
            .write(move |tx| match execute(tx, update, params![id.as_str(), offset_us])? {
                0 => Err(missing("node", id)),
                _ => Ok(()),
            })
            .await
    }

    async fn delete_node(&self, id: &NodeId) -> Result<()> {
        let id = id.clone();
        self.database
            .write(move |tx| match execute(tx, "DELETE FROM nodes WHERE nodeid = ?1", [id.as_str()])? {
                0 => Err(missing("node", id)),
                _ => Ok(()),
            })
            .await
    }

    async fn node(&self, id: &NodeId) -> Result<Option<Node>> {
        let id = id.clone();
        self.database.read(move |tx| one(tx, ONE, [id.as_str()], node_row)).await
    }

    async fn nodes(&self, after: Option<&NodeId>) -> Result<Vec<Node>> {
        // No id is empty, and all come after the empty text.
        let after = after.map(NodeId::to_string).unwrap_or_default();
        self.database.read(move |tx| all(tx, LIST, params![after, rows(PAGE)], node_row)).await
    }
}
