use std::fmt::Debug;

use async_trait::async_trait;

use crate::error::Result;
use crate::model::Route;

/// The routes of this host.
///
/// Guarantees:
/// - After [`add`](Routes::add) the route stands. Adding one that stands succeeds, whoever made it.
/// - Another route to the same destination is not touched: adding is refused with
///   [`AlreadyExists`](crate::ErrorKind::AlreadyExists) then.
/// - [`remove`](Routes::remove) removes what `add` has made, also what another process has made by
///   it, and nothing else; removing what is not there, or whose interface is gone, succeeds.
#[async_trait]
pub trait Routes: Debug + Send + Sync {
    /// Makes a route stand.
    async fn add(&self, route: &Route) -> Result<()>;

    /// Removes a route that was added.
    async fn remove(&self, route: &Route) -> Result<()>;
}
