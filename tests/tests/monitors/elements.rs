//! Orbital elements from a local server that plays CelesTrak.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use leoscope_core::backends::artifacts::DirectoryStore;
use leoscope_core::backends::clock::SystemClock;
use leoscope_core::backends::elements::{DirectoryShelf, WebSource};
use leoscope_core::backends::store::MemoryStore;
use leoscope_core::control::{ElementsCensus, Provided, Service};
use leoscope_core::ids::{NodeId, UserId};
use leoscope_core::model::{Caller, Constellation, NodeUpdate, Role};
use leoscope_core::orbit::Satellite;
use leoscope_core::ports::{ControlPlane as _, ElementShelf as _, ElementSource as _, Fetched, Kept};

use crate::weather::server::{Answer, Weather as Web};

/// A Starlink satellite whose number has six digits, as CelesTrak publishes it.
const HEAD: &str = "OBJECT_NAME,OBJECT_ID,EPOCH,MEAN_MOTION,ECCENTRICITY,INCLINATION,RA_OF_ASC_NODE,ARG_OF_PERICENTER,MEAN_ANOMALY,EPHEMERIS_TYPE,CLASSIFICATION_TYPE,NORAD_CAT_ID,ELEMENT_SET_NO,REV_AT_EPOCH,BSTAR,MEAN_MOTION_DOT,MEAN_MOTION_DDOT";
const LINES: &str = "ISS (ZARYA)
1 25544U 98067A   20194.88612269 -.00002218  00000-0 -31515-4 0  9992
2 25544  51.6461 221.2784 0001413  89.1723 280.4612 15.49507896236008
";

fn record(number: u32, day: u32) -> String {
    format!(
        "STARLINK-{number},2026-200A,2026-10-{day:02}T22:11:24.452448,15.7759124,.00032284,70.0006,102.5417,274.4885,85.5946,0,U,{number},999,1,.00066694375,.00112611,0"
    )
}

fn csv(records: &[String]) -> String {
    format!("{HEAD}\r\n{}\r\n", records.join("\r\n"))
}

async fn fetched(answer: Answer) -> Result<Fetched, leoscope_core::Error> {
    let web = Web::start([answer]).await;
    WebSource::new(&web.address("/gp.php?GROUP=starlink&FORMAT=csv")).expect("source").fetch().await
}

fn satellites(fetched: Fetched) -> Vec<u32> {
    let Fetched::Text(text) = fetched else { panic!("{fetched:?}") };
    let set = Constellation::read(text, None, None).expect("elements");
    set.catalogue().satellites().iter().map(Satellite::number).collect()
}

fn status(status: u16, headers: &[(&str, &str)], body: &str) -> Answer {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Answer::Whole { status, headers, body: body.to_owned() }
}

#[tokio::test]
async fn every_form_is_taken_and_what_is_doubled_counts_once() {
    let twice = [record(100_534, 1), record(70_001, 1), record(100_534, 2)];
    assert_eq!(satellites(fetched(Answer::text(&csv(&twice))).await.expect("text")), [100_534, 70_001]);
    assert_eq!(satellites(fetched(Answer::text(LINES)).await.expect("text")), [25_544]);
    let json = serde_json::json!([{
        "OBJECT_NAME": "STARLINK-38244", "OBJECT_ID": "2026-200A", "EPOCH": "2026-10-01T22:11:24.452448",
        "MEAN_MOTION": 15.7759124, "ECCENTRICITY": 0.00032284, "INCLINATION": 70.0006, "RA_OF_ASC_NODE": 102.5417,
        "ARG_OF_PERICENTER": 274.4885, "MEAN_ANOMALY": 85.5946, "EPHEMERIS_TYPE": 0, "CLASSIFICATION_TYPE": "U",
        "NORAD_CAT_ID": 100_534, "ELEMENT_SET_NO": 999, "REV_AT_EPOCH": 1, "BSTAR": 0.00066694375,
        "MEAN_MOTION_DOT": 0.00112611, "MEAN_MOTION_DDOT": 0
    }]);
    assert_eq!(satellites(fetched(Answer::json(&json)).await.expect("text")), [100_534]);
}

#[tokio::test]
async fn what_is_no_set_is_refused_unchanged_or_an_error() {
    let text = "GP data has not updated since your last successful download of GROUP=starlink at 2026-11-01.";
    assert_eq!(fetched(status(403, &[], text)).await.expect("told"), Fetched::Unchanged);
    for (answer, code) in [
        (status(403, &[], "Forbidden"), "403"),
        (status(301, &[("Location", "http://127.0.0.1:1/elsewhere")], ""), "301"),
        (status(404, &[], "No GP data found"), "404"),
        (status(500, &[], ""), "500"),
        (status(503, &[], "busy"), "503"),
    ] {
        let Fetched::Refused(why) = fetched(answer).await.expect(code) else { panic!("{code}") };
        assert!(why.contains(code), "{why}");
    }
    let error = fetched(Answer::Cut(csv(&[record(100_534, 1)]))).await.expect_err("cut");
    assert!(error.message().contains("broke off"), "{error}");
    let error = fetched(Answer::Closed).await.expect_err("closed");
    assert!(error.message().starts_with("cannot reach http://127.0.0.1:"), "{error}");
}

/// An orchestrator with what it has its elements from.
async fn orchestrator(dir: &Path, web: &Web) -> (Arc<Service>, Provided, Arc<DirectoryShelf>) {
    let artifacts = Arc::new(DirectoryStore::new(dir.join("artifacts")).await.expect("store"));
    let service = Service::new(Arc::new(MemoryStore::default()), artifacts, Arc::new(SystemClock));
    let address = web.address("/gp.php?GROUP=starlink&FORMAT=csv");
    let source = Arc::new(WebSource::new(&address).expect("source"));
    let shelf = Arc::new(DirectoryShelf::new(dir.join("elements"), "default"));
    (service, Provided { provider: None, source, shelf: shelf.clone() }, shelf)
}

/// Lets it fetch until what is kept is as wanted.
async fn until(dir: &Path, web: &Web, wanted: impl Fn(&Kept) -> bool) {
    let (service, provided, shelf) = orchestrator(dir, web).await;
    let seen = async {
        while !shelf.kept().await.expect("read").as_ref().is_some_and(&wanted) {
            tokio::task::yield_now().await;
        }
    };
    let seen = tokio::time::timeout(Duration::from_secs(30), seen);
    tokio::select! {
        () = service.keep_elements(&provided) => {}
        seen = seen => seen.expect("in time"),
    }
}

/// Lets it fetch until a node gets satellites from it, and tells which.
async fn given(dir: &Path, web: &Web) -> Vec<u32> {
    let (service, provided, _) = orchestrator(dir, web).await;
    let admin = service.session(Caller { id: UserId::parse("admin").expect("id"), role: Role::Admin });
    let node = NodeId::parse("node-seattle").expect("id");
    admin.register_node(node.clone(), NodeUpdate::default()).await.expect("node");
    let asking = async {
        loop {
            match admin.elements(&node, None).await {
                Ok(set) => break set.expect("new"),
                Err(error) => assert!(error.message().contains("no orbital elements"), "{error}"),
            }
            tokio::task::yield_now().await;
        }
    };
    let set = tokio::select! {
        () = service.keep_elements(&provided) => panic!("it fetches for ever"),
        set = tokio::time::timeout(Duration::from_secs(30), asking) => set.expect("in time"),
    };
    assert!(admin.elements(&node, Some(set.facts().sha256)).await.expect("asked").is_none());
    let census = service.census().await.expect("census").elements.pop().expect("a set");
    assert!(census.age.is_some() && !census.is_refused, "{census:?}");
    set.catalogue().satellites().iter().map(Satellite::number).collect()
}

#[tokio::test]
async fn what_was_fetched_is_kept_and_given_to_nodes_and_not_asked_for_again_by_the_next_process() {
    let dir = tempfile::tempdir().expect("directory");
    let web = Web::start([Answer::text(&csv(&[record(100_534, 1), record(70_001, 1)]))]).await;
    until(dir.path(), &web, |kept| kept.elements.is_some()).await;
    assert!(web.asked()[0].starts_with("GET /gp.php?GROUP=starlink&FORMAT=csv "), "{:?}", web.asked());
    // Another question would find no answer, and fail the server.
    assert_eq!((given(dir.path(), &web).await, web.asked().len()), (vec![100_534, 70_001], 1));
}

#[tokio::test]
async fn after_a_refusal_nobody_asks_again_and_what_was_kept_is_used_on() {
    let dir = tempfile::tempdir().expect("directory");
    let web = Web::start([status(404, &[], "No GP data found")]).await;
    let refused = |kept: &Kept| kept.standing.refused.is_some();
    until(dir.path(), &web, refused).await;
    let (service, provided, shelf) = orchestrator(dir.path(), &web).await;
    // All that it does without time passing is done after some turns.
    let turns = async {
        for _ in 0..1_000 {
            assert!(shelf.kept().await.expect("read").is_some());
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = service.keep_elements(&provided) => {}
        () = turns => {}
    }
    assert_eq!(web.asked().len(), 1);
    let census = service.census().await.expect("census").elements;
    assert_eq!(census, [ElementsCensus { set: "default".into(), age: None, is_refused: true }]);
}
