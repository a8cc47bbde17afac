//! The routes port over its backends, and the route of a node while its experiments run.

use std::sync::Arc;

use leoscope_core::Error;
use leoscope_core::backends::routes::{MemoryRoutes, NetlinkRoutes};
use leoscope_core::conformance::routes::{CASES, Harness};
use leoscope_core::model::{Reason, Role, Route, RunFilter, RunStatus, Stage};
use leoscope_core::ports::Routes;

use crate::namespace::Namespace;
use crate::world::World;

const EXECUTOR: &str = "docker: {execute: {route: {ip: 192.0.2.0/24, gateway: 198.51.100.1, dev: leo0}}}";
const SIMULATED: &str = "process: {command: measure}";

#[tokio::test]
async fn every_case_over_memory() {
    for (name, case) in CASES {
        println!("{name}");
        let memory = Arc::new(MemoryRoutes::default());
        let (foreign, shown) = (Arc::clone(&memory), Arc::clone(&memory));
        case(Harness {
            routes: memory,
            add_foreign: Arc::new(move |route| foreign.add_foreign(route.clone())),
            standing: Arc::new(move |route| {
                let same =
                    |other: &&Route| (other.address(), other.prefix()) == (route.address(), route.prefix());
                shown.standing().iter().filter(same).count()
            }),
        })
        .await;
    }
}

#[test]
fn every_case_over_netlink() {
    for (index, (name, case)) in CASES.iter().enumerate() {
        println!("{name}");
        let Some(namespace) = Namespace::new(&format!("case{index}")) else { return };
        let namespace = Arc::new(namespace);
        let (foreign, shown) = (Arc::clone(&namespace), Arc::clone(&namespace));
        let family = |route: &Route| if route.address().is_ipv4() { "-4" } else { "-6" };
        namespace.enter(case(Harness {
            routes: Arc::new(NetlinkRoutes),
            add_foreign: Arc::new(move |route| {
                drop(foreign.ip(&format!("{} route add {route}", family(route))));
            }),
            standing: Arc::new(move |route| {
                let (address, prefix) = (route.address(), route.prefix());
                let table = shown.ip(&format!("{} route show exact {address}/{prefix}", family(route)));
                table.lines().count()
            }),
        }));
    }
}

#[test]
fn routes_the_kernel_refuses_are_told_with_what_to_do() {
    let Some(namespace) = Namespace::new("refused") else { return };
    let add = |destination: &str, gateway: Option<&str>, device: &str| {
        let route = Route::new(destination, gateway, device).expect("route");
        namespace.enter(async { NetlinkRoutes.add(&route).await }).expect_err("refused")
    };
    let nowhere = add("192.0.2.0/24", None, "nowhere0");
    assert!(nowhere.message().contains("there is no interface nowhere0"), "{nowhere}");
    let far = add("192.0.2.0/24", Some("203.0.113.1"), "leo0");
    assert!(far.message().contains("192.0.2.0/24 via 203.0.113.1"), "{far}");
    assert!(far.what_to_do().is_some_and(|hint| hint.contains("gateway")), "{far}");
    namespace.ip("link set leo0 down");
    let down = add("192.0.2.0/24", None, "leo0");
    assert_eq!(down.what_to_do(), Some("the interface is not up"), "{down}");
}

#[test]
fn an_added_route_carries_the_mark_of_the_node() {
    let Some(namespace) = Namespace::new("mark") else { return };
    let route = Route::new("192.0.2.0/24", Some("198.51.100.1"), "leo0").expect("route");
    namespace.enter(async { NetlinkRoutes.add(&route).await }).expect("added");
    let shown = namespace.ip("route show 192.0.2.0/24");
    assert_eq!(shown.trim(), "192.0.2.0/24 via 198.51.100.1 dev leo0 proto 76");
}

fn with_routes(world: &mut World) -> Arc<MemoryRoutes> {
    let routes = Arc::new(MemoryRoutes::default());
    world.routes = Some(Arc::clone(&routes) as Arc<dyn Routes>);
    routes
}

#[tokio::test(start_paused = true)]
async fn the_route_stands_from_before_the_first_run_until_after_the_last() {
    let mut world = World::virtual_time(EXECUTOR).await;
    let routes = with_routes(&mut world);
    let other = Route::new("203.0.113.0/24", None, "leo0").expect("route");
    routes.add_foreign(other.clone());
    let wanted = world.executor.route.clone().expect("route");
    world.boot().await;
    world.book("plain", "first", (100, 100), SIMULATED).await;
    world.book("plain", "second", (150, 100), SIMULATED).await;
    for (secs, expected) in [
        (60, vec![other.clone()]),
        // Runs are made ready half a minute ahead.
        (80, vec![other.clone(), wanted.clone()]),
        (190, vec![other.clone(), wanted.clone()]),
        (220, vec![other.clone(), wanted.clone()]),
        (260, vec![other.clone()]),
    ] {
        world.until(secs).await;
        assert_eq!(routes.standing(), expected, "at {secs}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_route_that_was_there_before_stays() {
    let mut world = World::virtual_time(EXECUTOR).await;
    let routes = with_routes(&mut world);
    let wanted = world.executor.route.clone().expect("route");
    routes.add_foreign(wanted.clone());
    world.boot().await;
    world.book("plain", "exp", (40, 20), SIMULATED).await;
    world.run_of("exp", |run| run.status == RunStatus::Completed).await;
    assert_eq!(routes.standing(), [wanted]);
}

#[tokio::test(start_paused = true)]
async fn a_run_without_its_route_fails_before_it_is_prepared() {
    let mut world = World::virtual_time(EXECUTOR).await;
    let routes = with_routes(&mut world);
    routes.fail_with(Some(Error::internal("the interface is not up")));
    world.boot().await;
    world.book("plain", "exp", (40, 20), SIMULATED).await;
    let run = world.run_of("exp", |run| run.status == RunStatus::Failed).await;
    let filter = RunFilter { id: Some(run), ..RunFilter::default() };
    let runs = world.as_user("admin", Role::Admin).runs(&filter).await.expect("runs");
    assert_eq!(runs[0].stage, Some(Stage::Deploy));
    assert_eq!(runs[0].reason.as_deref(), Some(Reason::RouteFailed.name()));
    assert_eq!(runs[0].message, "the interface is not up");
    assert_eq!(world.runtime.stays(), []);
}

#[tokio::test(start_paused = true)]
async fn a_crash_leaves_no_route_for_ever() {
    let mut world = World::virtual_time(EXECUTOR).await;
    let routes = with_routes(&mut world);
    let first = world.executor.route.clone().expect("route");
    world.boot().await;
    world.book("plain", "exp", (40, 100), SIMULATED).await;
    world.until(50).await;
    world.crash().await;
    assert_eq!(routes.standing(), std::slice::from_ref(&first));
    // Another route is configured meanwhile, and the experiment still runs.
    let second = Route::new("192.0.2.128/25", None, "leo0").expect("route");
    world.executor.route = Some(second.clone());
    world.boot().await;
    world.until(60).await;
    assert_eq!(routes.standing(), [second]);
    world.crash().await;
    // It ends while the node is down, and the operator takes the route out of the config.
    world.until(200).await;
    world.executor.route = None;
    world.boot().await;
    world.until(210).await;
    assert_eq!(routes.standing(), []);
}

#[tokio::test(start_paused = true)]
async fn a_route_that_cannot_be_removed_is_removed_later() {
    let mut world = World::virtual_time(EXECUTOR).await;
    let routes = with_routes(&mut world);
    world.boot().await;
    world.book("plain", "exp", (40, 20), SIMULATED).await;
    world.until(50).await;
    routes.fail_with(Some(Error::internal("not permitted")));
    world.run_of("exp", |run| run.status == RunStatus::Completed).await;
    assert_eq!(routes.standing().len(), 1);
    routes.fail_with(None);
    world.crash().await;
    world.boot().await;
    world.until(100).await;
    assert_eq!(routes.standing(), []);
}
