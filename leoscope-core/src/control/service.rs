use std::sync::Arc;

use tokio::sync::Semaphore;

use super::audit::Refusals;
use super::changes::Changes;
use super::elements::{Elements, ElementsCensus};
use super::logs::Hub;
use super::readings::Board;
use super::session::Session;
use super::stores::Results;
use super::turns::Turns;
use super::weather::Weather;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::UserId;
use crate::jwt::JwtKey;
use crate::model::{Caller, Node, Role, Secret, TokenHash, User};
use crate::ports::{ArtifactStore, Clock, Store, StoreExt as _};
use crate::reconcile::ABSENT_AFTER;

/// The orchestrator: its stores and what tells watchers of changes.
#[derive(Debug)]
pub struct Service {
    pub(super) store: Arc<dyn Store>,
    pub(super) results: Results,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) changes: Arc<Changes>,
    pub(super) turns: Turns,
    pub(super) refusals: Refusals,
    pub(super) hub: Hub,
    pub(super) board: Board,
    pub(super) elements: Elements,
    pub(super) weather: Weather,
    /// Forecasts take the time of a core.
    pub(super) forecasting: Semaphore,
}

/// How many nodes there are, and how the orbital elements for them stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Census {
    /// Those that are registered.
    pub nodes: usize,
    /// Those of them that have called within ten minutes.
    pub active: usize,
    /// The sets of orbital elements that are provided.
    pub elements: Vec<ElementsCensus>,
}

/// The id of the user that exists from the first start.
pub(super) const ADMIN: &str = "admin";

fn admin(token: &Secret) -> Result<User> {
    Ok(User {
        id: UserId::parse(ADMIN)?,
        name: "administrator".into(),
        role: Role::Admin,
        team: String::new(),
        token: Some(TokenHash::of(token)),
    })
}

impl Service {
    /// An orchestrator over these stores.
    pub fn new(store: Arc<dyn Store>, artifacts: Arc<dyn ArtifactStore>, clock: Arc<dyn Clock>) -> Arc<Self> {
        Self::with_results(store, Results::in_store(artifacts), clock)
    }

    /// An orchestrator over these stores.
    pub fn with_results(store: Arc<dyn Store>, results: Results, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self {
            store,
            results,
            clock,
            changes: Arc::default(),
            turns: Turns::default(),
            refusals: Refusals::default(),
            hub: Hub::default(),
            board: Board::default(),
            elements: Elements::default(),
            weather: Weather::default(),
            forecasting: Semaphore::new(1),
        })
    }

    /// Finds out whether the database answers.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn check(&self) -> Result<()> {
        self.store.settings().await.map(drop)
    }

    /// Counts the nodes, and looks at the orbital elements for them.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn census(&self) -> Result<Census> {
        let now = self.clock.now();
        let nodes = self.store.all_nodes().await?;
        let is_active =
            |node: &&Node| node.last_active.is_some_and(|seen| now.duration_since(seen) <= ABSENT_AFTER);
        let active = nodes.iter().filter(is_active).count();
        Ok(Census { nodes: nodes.len(), active, elements: self.elements.census(now) })
    }

    /// Makes sure that user `admin` exists and has this access token.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn ensure_admin(&self, token: &Secret) -> Result<()> {
        if self.add_admin(token).await? {
            return Ok(());
        }
        self.store.update_user(&admin(token)?).await
    }

    /// Adds user `admin` with this access token, and says whether there was none.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn add_admin(&self, token: &Secret) -> Result<bool> {
        match self.store.insert_user(&admin(token)?).await {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
            other => other.map(|()| true),
        }
    }

    /// Whether user `admin` has this access token.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn is_admin(&self, token: &Secret) -> Result<bool> {
        match self.authenticate(&UserId::parse(ADMIN)?, token).await {
            Err(error) if error.kind() == ErrorKind::Unauthenticated => Ok(false),
            other => other.map(|caller| caller.role == Role::Admin),
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

    /// Who calls with this token of the web portal.
    ///
    /// # Errors
    /// [`Unauthenticated`](ErrorKind::Unauthenticated), whether the token or its user is wrong.
    pub async fn authenticate_jwt(&self, key: &JwtKey, token: &str) -> Result<Caller> {
        let refused = |why: &str| Error::new(ErrorKind::Unauthenticated, "Invalid token").hint(why);
        let id = key.verify(token, self.clock.now()).map_err(|error| refused(error.message()))?;
        match self.store.user(&id).await? {
            Some(User { id, role, .. }) => Ok(Caller { id, role }),
            None => Err(refused("the token names no user of this testbed")),
        }
    }

    /// The service as `caller` sees it.
    pub fn session(self: &Arc<Self>, caller: Caller) -> Session {
        Session { service: Arc::clone(self), caller, origin: None }
    }
}
