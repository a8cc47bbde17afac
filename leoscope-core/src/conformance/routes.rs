//! Cases for the routes port.

#![expect(clippy::unwrap_used, reason = "a case fails by panicking")]

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::ErrorKind;
use crate::model::Route;
use crate::ports::Routes;

/// What a case works with: a host with the interface `leo0`, on which `198.51.100.1` and
/// `2001:db8:1::1` are neighbours, and no routes but to those.
#[derive(Clone)]
pub struct Harness {
    /// The routes.
    pub routes: Arc<dyn Routes>,
    /// Adds a route as somebody else would.
    pub add_foreign: Arc<dyn Fn(&Route) + Send + Sync>,
    /// The routes to the destination of a route, as the host shows them.
    pub standing: Arc<dyn Fn(&Route) -> usize + Send + Sync>,
}

/// One case: it gets a host of its own and panics if the port breaks its promise.
pub type Case = fn(Harness) -> BoxFuture<'static, ()>;

macro_rules! cases {
    ($($name:ident)*) => {
        /// All cases, by name.
        pub const CASES: &[(&str, Case)] = &[$((stringify!($name), |host| Box::pin($name(host))),)*];
    };
}

cases! {
    a_route_stands_until_it_is_removed
    every_call_may_be_repeated
    a_route_of_somebody_else_stays
    another_route_to_the_destination_is_not_touched
    routes_over_an_interface_that_is_not_there
}

fn all() -> [Route; 5] {
    let route = |destination, gateway| Route::new(destination, gateway, "leo0").unwrap();
    [
        route("192.0.2.0/24", Some("198.51.100.1")),
        route("192.0.2.7", None),
        route("203.0.113.0/25", None),
        route("2001:db8:2::/48", Some("2001:db8:1::1")),
        route("2001:db8:3::1", None),
    ]
}

async fn a_route_stands_until_it_is_removed(host: Harness) {
    for route in all() {
        assert_eq!((host.standing)(&route), 0, "{route}");
        host.routes.add(&route).await.unwrap();
        assert_eq!((host.standing)(&route), 1, "{route}");
    }
    for route in all() {
        host.routes.remove(&route).await.unwrap();
        assert_eq!((host.standing)(&route), 0, "{route}");
    }
}

async fn every_call_may_be_repeated(host: Harness) {
    for route in all() {
        host.routes.remove(&route).await.unwrap();
        for _ in 0..2 {
            host.routes.add(&route).await.unwrap();
            assert_eq!((host.standing)(&route), 1, "{route}");
        }
        for _ in 0..2 {
            host.routes.remove(&route).await.unwrap();
            assert_eq!((host.standing)(&route), 0, "{route}");
        }
    }
}

async fn a_route_of_somebody_else_stays(host: Harness) {
    for route in all() {
        (host.add_foreign)(&route);
        host.routes.add(&route).await.unwrap();
        assert_eq!((host.standing)(&route), 1, "{route}");
        host.routes.remove(&route).await.unwrap();
        assert_eq!((host.standing)(&route), 1, "{route}");
    }
}

async fn another_route_to_the_destination_is_not_touched(host: Harness) {
    let foreign = Route::new("192.0.2.0/24", None, "leo0").unwrap();
    let ours = Route::new("192.0.2.0/24", Some("198.51.100.1"), "leo0").unwrap();
    (host.add_foreign)(&foreign);
    let refused = host.routes.add(&ours).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::AlreadyExists, "{refused}");
    assert!(refused.message().contains(&ours.to_string()), "{refused}");
    host.routes.remove(&ours).await.unwrap();
    assert_eq!((host.standing)(&foreign), 1);
}

async fn routes_over_an_interface_that_is_not_there(host: Harness) {
    let nowhere = Route::new("192.0.2.0/24", None, "nowhere0").unwrap();
    host.routes.remove(&nowhere).await.unwrap();
}
