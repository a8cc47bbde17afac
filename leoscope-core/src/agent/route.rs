//! The route that stands while experiments are under way.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::Mutex;

use super::kept;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::RunId;
use crate::model::Route;
use crate::ports::Routes;

/// Sets the route up for the first run that needs it and removes it after the last.
///
/// What was added is in a file before it is added, so whatever happens to this process, another
/// one knows what to remove, also when the executor config has another route by then.
#[derive(Debug)]
pub(super) struct RouteKeeper {
    wanted: Option<Route>,
    routes: Option<Arc<dyn Routes>>,
    file: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// The runs that need the route.
    users: BTreeSet<RunId>,
    /// The routes that were added, or were about to be.
    added: Vec<Route>,
}

impl RouteKeeper {
    /// A keeper that remembers in `work_dir` what it has added.
    pub(super) fn load(
        work_dir: &Path,
        wanted: Option<Route>,
        routes: Option<Arc<dyn Routes>>,
    ) -> Result<Self> {
        let file = work_dir.join("routes.json");
        let state = State { users: BTreeSet::new(), added: kept::read(&file)? };
        Ok(Self { wanted, routes, file, state: Mutex::new(state) })
    }

    /// Goes on for the runs that are under way at the start of the node.
    pub(super) async fn recover(&self, under_way: BTreeSet<RunId>) {
        let mut state = self.state.lock().await;
        state.users = under_way;
        let needed = self.wanted.as_ref().filter(|_| !state.users.is_empty());
        self.clear(&mut state, needed).await;
        if needed.is_some()
            && let Err(error) = self.set_up(&mut state).await
        {
            tracing::warn!(%error, "experiments in progress go on without their route");
        }
    }

    /// Lets the route stand for `run`.
    pub(super) async fn take(&self, run: &RunId) -> Result<()> {
        if self.wanted.is_none() {
            return Ok(());
        }
        let mut state = self.state.lock().await;
        state.users.insert(run.clone());
        self.set_up(&mut state).await
    }

    /// Removes the route unless another run needs it.
    pub(super) async fn release(&self, run: &RunId) {
        let mut state = self.state.lock().await;
        state.users.remove(run);
        if state.users.is_empty() {
            self.clear(&mut state, None).await;
        }
    }

    async fn set_up(&self, state: &mut State) -> Result<()> {
        let Some(wanted) = &self.wanted else { return Ok(()) };
        let Some(routes) = &self.routes else {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("cannot add route {wanted} on this node"),
            ));
        };
        if !state.added.contains(wanted) {
            let mut added = state.added.clone();
            added.push(wanted.clone());
            kept::write(&self.file, &added)?;
            state.added = added;
        }
        routes.add(wanted).await
    }

    /// Removes what was added, apart from `needed`. What cannot be removed is tried again later.
    async fn clear(&self, state: &mut State, needed: Option<&Route>) {
        let Some(routes) = &self.routes else { return };
        let mut left = Vec::new();
        for route in &state.added {
            if Some(route) == needed {
                left.push(route.clone());
            } else if let Err(error) = routes.remove(route).await {
                tracing::warn!(%error, "a route stays that is not needed");
                left.push(route.clone());
            }
        }
        if left == state.added {
            return;
        }
        if let Err(error) = kept::write(&self.file, &left) {
            tracing::warn!(%error, "a removed route will be removed again");
            return;
        }
        state.added = left;
    }
}
