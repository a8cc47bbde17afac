//! Users, their roles, and who is calling.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::TokenHash;
use crate::error::Error;
use crate::ids::{NodeId, UserId};

/// What a user may do; see [`policy`](crate::policy).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Role {
    /// Runs the testbed.
    Admin,
    /// A researcher.
    User,
    /// A measurement node.
    Node,
    /// A researcher who may change kernel settings of an experiment.
    UserPriv,
    /// A measurement node that may change kernel settings.
    NodePriv,
    /// Owns measurement nodes.
    NodeOwner,
}

impl Role {
    /// All roles.
    pub const ALL: [Role; 6] =
        [Self::Admin, Self::User, Self::Node, Self::UserPriv, Self::NodePriv, Self::NodeOwner];

    /// The name used on the command line and in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Admin => "ADMIN",
            Self::User => "USER",
            Self::Node => "NODE",
            Self::UserPriv => "USER_PRIV",
            Self::NodePriv => "NODE_PRIV",
            Self::NodeOwner => "NODE_OWNER",
        }
    }

    /// Whether experiments of this role may change kernel settings of a node.
    pub const fn may_change_kernel(self) -> bool {
        matches!(self, Self::Admin | Self::UserPriv | Self::NodePriv)
    }

    /// Whether the role is that of a measurement node.
    pub const fn is_node(self) -> bool {
        matches!(self, Self::Node | Self::NodePriv)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Role {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        let wanted = text.replace('-', "_").to_ascii_uppercase();
        Self::ALL.into_iter().find(|role| role.name() == wanted).ok_or_else(|| {
            Error::invalid(format!("{text:?} is not a role"))
                .hint("use one of ADMIN, USER, NODE, USER_PRIV, NODE_PRIV, NODE_OWNER")
        })
    }
}

/// A registered user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The id under which it calls.
    pub id: UserId,
    /// A name for people to read.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The group it belongs to; may be empty.
    pub team: String,
    /// The hash of its access token; `None` for one that cannot log in with a token.
    pub token: Option<TokenHash>,
}

/// What is needed to register or change a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUser {
    /// The id under which it will call.
    pub id: UserId,
    /// A name for people to read.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The group it belongs to; may be empty.
    pub team: String,
}

/// An authenticated caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Who calls.
    pub id: UserId,
    /// In which role.
    pub role: Role,
}

impl Caller {
    /// The node this caller is, if it is one.
    pub fn node(&self) -> Option<NodeId> {
        self.role.is_node().then(|| NodeId::parse(self.id.as_str()).ok()).flatten()
    }

    /// Whether this caller is the node `node`.
    pub fn is_node(&self, node: &NodeId) -> bool {
        self.role.is_node() && self.id.as_str() == node.as_str()
    }
}
