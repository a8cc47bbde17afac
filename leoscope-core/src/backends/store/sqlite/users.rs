//! Users, nodes and settings.

use async_trait::async_trait;
use rusqlite::{OptionalExtension, params};

use super::super::{missing, taken};
use super::{SqliteStore, document, encode};
use crate::backends::database::sql;
use crate::error::Result;
use crate::ids::{NodeId, UserId};
use crate::model::{Node, Settings, User};
use crate::ports::{NodeStore, SettingsStore, UserStore};
use crate::time::Timestamp;

#[async_trait]
impl UserStore for SqliteStore {
    async fn insert_user(&self, user: &User) -> Result<()> {
        let (id, doc) = (user.id.clone(), encode(user)?);
        self.database
            .write(move |tx| {
                let insert = "INSERT INTO users (userid, doc) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
                match tx.execute(insert, params![id.as_str(), doc]).map_err(sql)? {
                    0 => Err(taken("user", id)),
                    _ => Ok(()),
                }
            })
            .await
    }

    async fn update_user(&self, user: &User) -> Result<()> {
        let (id, doc) = (user.id.clone(), encode(user)?);
        self.database
            .write(move |tx| {
                let update = "UPDATE users SET doc = ?2 WHERE userid = ?1";
                match tx.execute(update, params![id.as_str(), doc]).map_err(sql)? {
                    0 => Err(missing("user", id)),
                    _ => Ok(()),
                }
            })
            .await
    }

    async fn delete_user(&self, id: &UserId) -> Result<()> {
        let id = id.clone();
        self.database
            .write(move |tx| {
                match tx.execute("DELETE FROM users WHERE userid = ?1", [id.as_str()]).map_err(sql)? {
                    0 => Err(missing("user", id)),
                    _ => Ok(()),
                }
            })
            .await
    }

    async fn user(&self, id: &UserId) -> Result<Option<User>> {
        let id = id.clone();
        let select = "SELECT doc FROM users WHERE userid = ?1";
        self.database
            .read(move |tx| {
                tx.prepare_cached(select)
                    .and_then(|mut query| query.query_row([id.as_str()], document).optional())
                    .map_err(sql)
            })
            .await
    }
}

/// The document does not hold the last activity; that has a column of its own, which heartbeats
/// change without rewriting the document.
fn node_document(node: &Node) -> Result<String> {
    encode(&Node { last_active: None, ..node.clone() })
}

fn node_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Node> {
    let node: Node = document(row)?;
    let last_active = row.get::<_, Option<i64>>(1)?.and_then(|us| Timestamp::from_microsecond(us).ok());
    Ok(Node { last_active, ..node })
}

#[async_trait]
impl NodeStore for SqliteStore {
    async fn insert_node(&self, node: &Node) -> Result<()> {
        let (id, doc) = (node.id.clone(), node_document(node)?);
        let active = node.last_active.map(Timestamp::as_microsecond);
        self.database
            .write(move |tx| {
                let insert = "INSERT INTO nodes (nodeid, last_active_us, doc) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
                match tx.execute(insert, params![id.as_str(), active, doc]).map_err(sql)? {
                    0 => Err(taken("node", id)),
                    _ => Ok(()),
                }
            })
            .await
    }

    async fn update_node(&self, node: &Node) -> Result<()> {
        let (id, doc) = (node.id.clone(), node_document(node)?);
        let active = node.last_active.map(Timestamp::as_microsecond);
        self.database
            .write(move |tx| {
                let update = "UPDATE nodes SET doc = ?2, last_active_us = ?3 WHERE nodeid = ?1";
                match tx.execute(update, params![id.as_str(), doc, active]).map_err(sql)? {
                    0 => Err(missing("node", id)),
                    _ => Ok(()),
                }
            })
            .await
    }

    async fn touch_node(&self, id: &NodeId, at: Timestamp) -> Result<()> {
        let id = id.clone();
        self.database
            .write(move |tx| {
                let update = "UPDATE nodes SET last_active_us = max(coalesce(last_active_us, ?2), ?2) WHERE nodeid = ?1";
                match tx.execute(update, params![id.as_str(), at.as_microsecond()]).map_err(sql)? {
                    0 => Err(missing("node", id)),
                    _ => Ok(()),
                }
            })
            .await
    }

    async fn delete_node(&self, id: &NodeId) -> Result<()> {
        let id = id.clone();
        self.database
            .write(move |tx| {
                match tx.execute("DELETE FROM nodes WHERE nodeid = ?1", [id.as_str()]).map_err(sql)? {
                    0 => Err(missing("node", id)),
                    _ => Ok(()),
                }
            })
            .await
    }

    async fn node(&self, id: &NodeId) -> Result<Option<Node>> {
        let id = id.clone();
        let select = "SELECT doc, last_active_us FROM nodes WHERE nodeid = ?1";
        self.database
            .read(move |tx| {
                tx.prepare_cached(select)
                    .and_then(|mut query| query.query_row([id.as_str()], node_row).optional())
                    .map_err(sql)
            })
            .await
    }

    async fn nodes(&self) -> Result<Vec<Node>> {
        let select = "SELECT doc, last_active_us FROM nodes ORDER BY nodeid";
        self.database
            .read(move |tx| {
                tx.prepare_cached(select)
                    .and_then(|mut query| query.query_map([], node_row)?.collect())
                    .map_err(sql)
            })
            .await
    }
}

#[async_trait]
impl SettingsStore for SqliteStore {
    async fn settings(&self) -> Result<Settings> {
        let settings = self
            .database
            .read(|tx| tx.query_row("SELECT doc FROM settings", [], document).optional().map_err(sql))
            .await?;
        Ok(settings.unwrap_or_default())
    }

    async fn put_settings(&self, settings: &Settings) -> Result<()> {
        let doc = encode(settings)?;
        self.database
            .write(move |tx| {
                tx.execute("INSERT OR REPLACE INTO settings (id, doc) VALUES (1, ?1)", [doc]).map_err(sql)?;
                Ok(())
            })
            .await
    }
}
