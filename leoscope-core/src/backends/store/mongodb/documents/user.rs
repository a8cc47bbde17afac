use serde::{Deserialize, Serialize};

use super::super::schema::FORMAT;
use crate::ids::UserId;
use crate::model::{Role, TokenHash, User};

/// A user.
#[derive(Debug, Serialize, Deserialize)]
pub(in super::super) struct UserDocument {
    #[serde(rename = "_id")]
    pub(in super::super) key: UserId,
    format: i32,
    id: UserId,
    name: String,
    role: Role,
    team: String,
    token_sha256: Option<TokenHash>,
}

impl From<User> for UserDocument {
    fn from(user: User) -> Self {
        let User { id, name, role, team, token } = user;
        Self { key: id.clone(), format: FORMAT, id, name, role, team, token_sha256: token }
    }
}

impl From<UserDocument> for User {
    fn from(document: UserDocument) -> Self {
        let UserDocument { key: _, format: _, id, name, role, team, token_sha256 } = document;
        Self { id, name, role, team, token: token_sha256 }
    }
}
