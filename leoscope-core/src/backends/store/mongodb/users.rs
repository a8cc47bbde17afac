//! Users.

use ::mongodb::bson::doc;
use async_trait::async_trait;

use super::super::{missing, taken};
use super::documents::UserDocument;
use super::{Access, MongoStore, fault, within};
use crate::error::Result;
use crate::ids::UserId;
use crate::model::User;
use crate::ports::UserStore;

#[async_trait]
impl UserStore for MongoStore {
    async fn insert_user(&self, user: &User) -> Result<()> {
        within(Access::Write, async {
            match self.users().insert_one(UserDocument::from(user.clone())).await {
                Err(error) if fault::is_duplicate(&error) => Err(taken("user", &user.id)),
                other => other.map(drop).map_err(|e| fault::write(&e)),
            }
        })
        .await
    }

    async fn update_user(&self, user: &User) -> Result<()> {
        within(Access::Write, async {
            let filter = doc! { "_id": user.id.as_str() };
            let replaced = self
                .users()
                .replace_one(filter, UserDocument::from(user.clone()))
                .await
                .map_err(|e| fault::write(&e))?;
            if replaced.matched_count == 0 { Err(missing("user", &user.id)) } else { Ok(()) }
        })
        .await
    }

    async fn delete_user(&self, id: &UserId) -> Result<()> {
        within(Access::Write, async {
            let deleted =
                self.users().delete_one(doc! { "_id": id.as_str() }).await.map_err(|e| fault::write(&e))?;
            if deleted.deleted_count == 0 { Err(missing("user", id)) } else { Ok(()) }
        })
        .await
    }

    async fn user(&self, id: &UserId) -> Result<Option<User>> {
        within(Access::Read, async {
            let found =
                self.users().find_one(doc! { "_id": id.as_str() }).await.map_err(|e| fault::read(&e))?;
            Ok(found.map(User::from))
        })
        .await
    }
}
