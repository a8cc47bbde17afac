use std::sync::Arc;

use super::changes::Changes;
use super::session::Session;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::UserId;
use crate::model::{Caller, Role, Secret, TokenHash, User};
use crate::ports::{ArtifactStore, Clock, Store};

/// The orchestrator: its stores and what tells watchers of changes.
#[derive(Debug)]
pub struct Service {
    pub(super) store: Arc<dyn Store>,
    pub(super) artifacts: Arc<dyn ArtifactStore>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) changes: Arc<Changes>,
    /// Held while a booking is made, so that those of this process do not make each other start
    /// over. What keeps bookings from conflicting is the versions of the timetables.
    pub(super) booking: tokio::sync::Mutex<()>,
}

/// The id of the user that exists from the first start.
const ADMIN: &str = "admin";

impl Service {
    /// An orchestrator over these stores.
    pub fn new(store: Arc<dyn Store>, artifacts: Arc<dyn ArtifactStore>, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self {
            store,
            artifacts,
            clock,
            changes: Arc::default(),
            booking: tokio::sync::Mutex::default(),
        })
    }

    /// Makes sure that user `admin` exists and has this access token.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn ensure_admin(&self, token: &Secret) -> Result<()> {
        let id = UserId::parse(ADMIN)?;
        let user = User {
            name: "administrator".into(),
            role: Role::Admin,
            team: String::new(),
            token: Some(TokenHash::of(token)),
            id,
        };
        match self.store.user(&user.id).await? {
            None => self.store.insert_user(&user).await,
            Some(_) => self.store.update_user(&user).await,
        }
    }

    /// Who calls with these credentials.
    ///
    /// # Errors
    /// [`Unauthenticated`](ErrorKind::Unauthenticated), whether the user or the token is wrong.
    pub async fn authenticate(&self, id: &UserId, token: &Secret) -> Result<Caller> {
        let user = self.store.user(id).await?;
        let known = user.filter(|user| user.token.as_ref().is_some_and(|hash| hash.matches(token)));
        match known {
            Some(User { id, role, .. }) => Ok(Caller { id, role }),
            None => Err(Error::new(ErrorKind::Unauthenticated, "Invalid token")
                .hint("check the user id and its access token")),
        }
    }

    /// The service as `caller` sees it.
    pub fn session(self: &Arc<Self>, caller: Caller) -> Session {
        Session { service: Arc::clone(self), caller }
    }
}
