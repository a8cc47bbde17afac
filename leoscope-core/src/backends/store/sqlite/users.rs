//! Users.

use async_trait::async_trait;
use rusqlite::{Transaction, params};

use super::super::{missing, taken};
use super::SqliteStore;
use crate::backends::rows::{document, encode, execute, one};
use crate::error::Result;
use crate::ids::UserId;
use crate::model::User;
use crate::ports::UserStore;

pub(super) fn insert(tx: &Transaction<'_>, user: &User) -> Result<()> {
    let insert = "INSERT INTO users (userid, doc) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    match execute(tx, insert, params![user.id.as_str(), encode(user)?])? {
        0 => Err(taken("user", &user.id)),
        _ => Ok(()),
    }
}

#[async_trait]
impl UserStore for SqliteStore {
    async fn insert_user(&self, user: &User) -> Result<()> {
        let user = user.clone();
        self.database.write(move |tx| insert(tx, &user)).await
    }

    async fn update_user(&self, user: &User) -> Result<()> {
        let (id, doc) = (user.id.clone(), encode(user)?);
        let update = "UPDATE users SET doc = ?2 WHERE userid = ?1";
        self.database
            .write(move |tx| match execute(tx, update, params![id.as_str(), doc])? {
                0 => Err(missing("user", id)),
                _ => Ok(()),
            })
            .await
    }

    async fn delete_user(&self, id: &UserId) -> Result<()> {
        let id = id.clone();
        self.database
            .write(move |tx| match execute(tx, "DELETE FROM users WHERE userid = ?1", [id.as_str()])? {
                0 => Err(missing("user", id)),
                _ => Ok(()),
            })
            .await
    }

    async fn user(&self, id: &UserId) -> Result<Option<User>> {
        let id = id.clone();
        let select = "SELECT doc FROM users WHERE userid = ?1";
        self.database.read(move |tx| one(tx, select, [id.as_str()], document)).await
    }
}
