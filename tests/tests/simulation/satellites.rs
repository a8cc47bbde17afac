//! Runs that wait for satellites, and what is foretold of them.

use leoscope_core::backends::elements::DirectoryShelf;
use leoscope_core::backends::monitors::SatelliteMonitor;
use leoscope_core::control::Provided;
use leoscope_core::model::{Expectation, SatelliteConfig};
use leoscope_core::orbit::Walker;
use leoscope_core::ports::{ElementSource, Fetched};

use super::*;

const TRIGGER: &str = "satellite_elevation > 40";

/// A constellation of which there is one satellite that high for about half of the time.
#[derive(Debug)]
struct Published;

#[async_trait]
impl ElementSource for Published {
    fn name(&self) -> String {
        "published".into()
    }

    fn interval(&self) -> SignedDuration {
        SignedDuration::from_hours(6)
    }

    async fn fetch(&self) -> Result<Fetched> {
        let walker = Walker {
            name: "TEST".into(),
            first_number: 90_001,
            altitude_km: 550.0,
            inclination_deg: 53.0,
            planes: 8,
            per_plane: 12,
            phasing: 1,
            first_node_deg: 0.0,
            first_anomaly_deg: 0.0,
        };
        Ok(Fetched::Text(walker.omm(start_of_world() - SignedDuration::from_hours(5))?.into()))
    }
}

/// A world with a node in Seattle that gets its elements from the orchestrator.
async fn with_satellites() -> (World, NodeState) {
    let world = World::new().await;
    let mut node = world.node("node").await;
    let update = NodeUpdate { coords: "47.6,-122.3".parse().ok(), ..NodeUpdate::default() };
    world.as_user("admin", Role::Admin).update_node(&node.id, update).await.expect("updated");
    let shelf = Arc::new(DirectoryShelf::new(world.dir.path().join("elements"), "default"));
    let provided = Provided { provider: None, source: Arc::new(Published), shelf };
    let service = Arc::clone(&world.service);
    tokio::spawn(async move { service.keep_elements(&provided).await });
    node.monitors.push(Arc::new(SatelliteMonitor::new(SatelliteConfig::default())));
    let kept = Arc::new(DirectoryShelf::new(work_dir(world.dir.path(), &node.id), "node"));
    node.elements = Some(Elements::Orchestrator(kept));
    world.boot(&mut node).await;
    world.until(10).await;
    (world, node)
}

fn when_high(spec: JobSpec) -> JobSpec {
    JobSpec { trigger: Some(TRIGGER.into()), ..spec }
}

#[tokio::test(start_paused = true)]
async fn runs_start_exactly_in_the_windows_that_were_foretold() {
    let (world, node) = with_satellites().await;
    let researcher = world.as_user("researcher", Role::User);
    let spec = when_high(job("exp", &node.id, Some("* * * * *"), (60, 5_460), 20));
    let plan = researcher.plan_job(spec.clone(), 100).await.expect("planned");
    assert_eq!((plan.runs.len(), plan.expected.len(), plan.unforeseen), (90, 90, None));
    let forecast = researcher.forecast(&node.id, TRIGGER, spec.window).await.expect("forecast");
    researcher.schedule_job(spec).await.expect("booked");
    world.until(5_600).await;
    let runs = world.runs().await;
    let mut counted = (0, 0);
    for (planned, expected) in plan.runs.iter().zip(plan.expected) {
        let run = runs.iter().find(|run| run.planned == Some(*planned)).expect("a run for each");
        let inside = forecast.windows.iter().any(|window| window.window.contains(planned.start()));
        let why = run.facts.trigger.as_ref().map(|decision| decision.why.clone());
        match expected.expect("told") {
            Expectation::Met => {
                assert!(inside && run.status == RunStatus::Completed, "{run:?} {why:?}");
                counted.0 += 1;
            }
            Expectation::NotMet => {
                assert!(!inside && run.status == RunStatus::Skipped, "{run:?} {why:?}");
                assert!(why.expect("a reason").contains("satellite.elevation was"), "{run:?}");
                counted.1 += 1;
            }
            other => panic!("{other:?} is not possible"),
        }
    }
    assert!(counted.0 > 10 && counted.1 > 10, "{counted:?}");
}

#[tokio::test(start_paused = true)]
async fn a_job_without_a_hope_is_booked_with_a_warning() {
    let (world, node) = with_satellites().await;
    let researcher = world.as_user("researcher", Role::User);
    let hopeless = JobSpec {
        trigger: Some("satellite_elevation > 40 and satellite_elevation < 39".into()),
        ..job("exp", &node.id, Some("* * * * *"), (60, 5_460), 20)
    };
    let scheduled = researcher.schedule_job(hopeless.clone()).await.expect("booked");
    let warned: Vec<_> =
        scheduled.warnings.iter().filter(|warning| warning.contains("not expected to hold")).collect();
    assert_eq!(warned.len(), 1, "{:?}", scheduled.warnings);
    // Of what depends on more it is not said that it has none.
    let unknown = JobSpec {
        id: JobId::parse("unknown").ok(),
        overhead: false,
        trigger: Some("dish.latency < 40".into()),
        ..hopeless
    };
    let scheduled = researcher.schedule_job(unknown.clone()).await.expect("booked");
    assert!(
        scheduled.warnings.iter().all(|warning| !warning.contains("expected")),
        "{:?}",
        scheduled.warnings
    );
    let unknown = JobSpec { id: JobId::parse("other").ok(), ..unknown };
    let plan = researcher.plan_job(unknown, 3).await.expect("planned");
    assert_eq!(plan.expected, [None, None, None]);
    assert!(plan.unforeseen.expect("a reason").contains("dish.latency is not known"));
}

#[tokio::test(start_paused = true)]
async fn a_one_time_job_is_put_into_the_best_window_that_is_free() {
    let (world, node) = with_satellites().await;
    let researcher = world.as_user("researcher", Role::User);
    let at_window = |id: &str| {
        let spec = when_high(job(id, &node.id, None, (60, 7_260), 60));
        JobSpec { policies: Policies { at_window: true, ..Policies::default() }, ..spec }
    };
    let forecast = researcher.forecast(&node.id, TRIGGER, at_window("x").window).await.expect("forecast");
    let mut starts = Vec::new();
    for id in ["one", "two", "three"] {
        researcher.schedule_job(at_window(id)).await.expect("booked");
        let job = researcher.job(&JobId::parse(id).expect("id")).await.expect("asked").expect("there");
        let run = Window::lasting(job.window.start(), SignedDuration::from_secs(60)).expect("window");
        let inside = forecast
            .windows
            .iter()
            .any(|expected| expected.window.start() <= run.start() && run.end() <= expected.window.end());
        assert!(inside, "{run}");
        starts.push(run.start());
    }
    starts.dedup();
    assert_eq!(starts.len(), 3);
    world.until(7_400).await;
    let runs = world.runs().await;
    assert_eq!(runs.len(), 3);
    assert!(runs.iter().all(|run| run.status == RunStatus::Completed), "{runs:#?}");
    let cron = JobSpec {
        policies: Policies { at_window: true, ..Policies::default() },
        ..when_high(job("cron", &node.id, Some("* * * * *"), (8_000, 9_000), 20))
    };
    let refused = researcher.schedule_job(cron).await.expect_err("a cron job has more than one time");
    assert_eq!(refused.kind(), ErrorKind::InvalidArgument);
}

#[tokio::test(start_paused = true)]
async fn a_node_knows_its_satellites_after_a_restart_without_the_orchestrator() {
    let (world, mut node) = with_satellites().await;
    let researcher = world.as_user("researcher", Role::User);
    researcher
        .schedule_job(when_high(job("exp", &node.id, Some("* * * * *"), (60, 3_660), 20)))
        .await
        .expect("booked");
    world.until(30).await;
    World::crash(&mut node).await;
    world.reachable.send_replace(None);
    world.boot(&mut node).await;
    world.until(3_700).await;
    world.reachable.send_replace(Some(Arc::clone(&world.service)));
    world.until(3_900).await;
    let runs = world.runs().await;
    let count = |status: RunStatus| runs.iter().filter(|run| run.status == status).count();
    assert!(count(RunStatus::Completed) > 5 && count(RunStatus::Skipped) > 5, "{runs:#?}");
    let unknown = runs.iter().filter_map(|run| run.facts.trigger.as_ref());
    assert!(unknown.clone().all(|decision| decision.verdict != leoscope_core::trigger::Verdict::Unknown));
    assert!(unknown.count() > 50);
}
