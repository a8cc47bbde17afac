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
    /// The routes that were added, or were about to be: by this process or another of the node.
    file: PathBuf,
    /// One at a time reads and writes it.
    busy: Mutex<()>,
}

impl RouteKeeper {
    /// A keeper that remembers in `work_dir` what it has added.
    pub(super) fn new(work_dir: &Path, wanted: Option<Route>, routes: Option<Arc<dyn Routes>>) -> Self {
        Self { wanted, routes, file: work_dir.join("routes.json"), busy: Mutex::default() }
    }

    /// Goes on for the runs that are under way at the start of the node.
    pub(super) async fn recover(&self, under_way: &BTreeSet<RunId>) {
        let needed = self.wanted.as_ref().filter(|_| !under_way.is_empty());
        self.clear(needed).await;
        if needed.is_some()
            && let Err(error) = self.take().await
        {
            tracing::warn!(%error, "experiments in progress go on without their route");
        }
    }

    /// Lets the route stand for a run that is under way.
    pub(super) async fn take(&self) -> Result<()> {
        let Some(wanted) = &self.wanted else { return Ok(()) };
        let Some(routes) = &self.routes else {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("cannot add route {wanted} on this node"),
            ));
        };
        let _alone = self.busy.lock().await;
        let mut added: Vec<Route> = kept::read(&self.file)?;
        if !added.contains(wanted) {
            added.push(wanted.clone());
            kept::write(&self.file, &added)?;
        }
        routes.add(wanted).await
    }

    /// Removes the route after a run, unless another is under way.
    pub(super) async fn release(&self, under_way: &BTreeSet<RunId>) {
        if under_way.is_empty() {
            self.clear(None).await;
        }
    }

    /// Removes what was added, apart from `needed`. What cannot be removed is tried again later.
    async fn clear(&self, needed: Option<&Route>) {
        let Some(routes) = &self.routes else { return };
        let _alone = self.busy.lock().await;
        let added: Vec<Route> = match kept::read(&self.file) {
            Ok(added) => added,
            Err(error) => return tracing::warn!(%error, "cannot tell which routes are to be removed"),
        };
        let mut left = Vec::new();
        for route in &added {
            if Some(route) == needed {
                left.push(route.clone());
            } else if let Err(error) = routes.remove(route).await {
                tracing::warn!(%error, "a route stays that is not needed");
                left.push(route.clone());
            }
        }
        if left != added
            && let Err(error) = kept::write(&self.file, &left)
        {
            tracing::warn!(%error, "a removed route will be removed again");
        }
    }
}
