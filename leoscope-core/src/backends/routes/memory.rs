//! Routes in memory, for tests and simulations.

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::error::{Error, ErrorKind, Result};
use crate::model::Route;
use crate::ports::Routes;

/// Routes that lead nowhere.
#[derive(Debug, Default)]
pub struct MemoryRoutes {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The routes, and whether they were added by way of the port.
    routes: Vec<(Route, bool)>,
    failure: Option<Error>,
}

impl MemoryRoutes {
    /// Lets a route stand that somebody else has made.
    pub fn add_foreign(&self, route: Route) {
        self.state().routes.push((route, false));
    }

    /// The routes that stand.
    pub fn standing(&self) -> Vec<Route> {
        self.state().routes.iter().map(|(route, _)| route.clone()).collect()
    }

    /// Lets everything fail with `failure`, or nothing any more.
    pub fn fail_with(&self, failure: Option<Error>) {
        self.state().failure = failure;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Routes for MemoryRoutes {
    async fn add(&self, route: &Route) -> Result<()> {
        let mut state = self.state();
        if let Some(failure) = &state.failure {
            return Err(failure.clone());
        }
        let key = |route: &Route| (route.address(), route.prefix());
        match state.routes.iter().find(|(other, _)| key(other) == key(route)) {
            Some((standing, _)) if standing == route => {}
            Some(_) => {
                let message = format!("cannot add route {route}: another to the same destination stands");
                return Err(Error::new(ErrorKind::AlreadyExists, message));
            }
            None => state.routes.push((route.clone(), true)),
        }
        Ok(())
    }

    async fn remove(&self, route: &Route) -> Result<()> {
        let mut state = self.state();
        if let Some(failure) = &state.failure {
            return Err(failure.clone());
        }
        state.routes.retain(|(other, ours)| !ours || other != route);
        Ok(())
    }
}
