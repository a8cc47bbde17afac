use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;

use super::*;
use crate::backends::artifacts::DirectoryStore;
use crate::backends::clock::VirtualClock;
use crate::backends::elements::DirectoryShelf;
use crate::backends::store::MemoryStore;
use crate::orbit::Walker;
use crate::ports::Clock as _;
use crate::time::parse_time;

fn time(text: &str) -> Timestamp {
    parse_time(text).expect("time")
}

fn set(satellites: u32) -> Bytes {
    let walker = Walker {
        name: "TEST".into(),
        first_number: 90_001,
        altitude_km: 550.0,
        inclination_deg: 53.0,
        planes: 1,
        per_plane: satellites,
        phasing: 0,
        first_node_deg: 0.0,
        first_anomaly_deg: 0.0,
    };
    walker.omm(time("2026-12-01T00:00:00")).expect("possible").into()
}

#[test]
fn a_source_is_left_alone_for_its_interval_and_longer_by_chance() {
    let now = time("2026-12-01T12:00:00");
    let kept = |answered: Option<&str>| Kept {
        elements: None,
        standing: Standing { answered: answered.map(time), ..Standing::default() },
    };
    let six = SignedDuration::from_hours(6);
    let at = |kept: &Kept, failures, chance| due(kept, six, failures, now, chance).to_string();
    assert_eq!(at(&kept(None), 0, 0), "2026-12-01T12:00:00Z");
    assert_eq!(at(&kept(Some("2026-12-01T11:00:00")), 0, 0), "2026-12-01T17:00:00Z");
    assert_eq!(at(&kept(Some("2026-12-01T11:00:00")), 0, u32::MAX), "2026-12-01T17:30:00Z");
    assert_eq!(at(&kept(Some("2026-12-01T01:00:00")), 0, 0), "2026-12-01T07:00:00Z");
    assert_eq!(at(&kept(Some("2027-01-01T00:00:00")), 0, 0), "2026-12-01T18:00:00Z");
    assert_eq!(at(&kept(None), 1, 0), "2026-12-01T12:10:00Z");
    assert_eq!(at(&kept(None), 3, 0), "2026-12-01T12:40:00Z");
    assert_eq!(at(&kept(None), 30, 0), "2026-12-01T18:00:00Z");
}

/// A source that gives one answer after the other, and notes when it was asked.
#[derive(Debug)]
struct Scripted {
    clock: VirtualClock,
    answers: Mutex<Vec<Result<Fetched>>>,
    asked: Mutex<Vec<Timestamp>>,
}

#[async_trait]
impl ElementSource for Scripted {
    fn name(&self) -> String {
        "scripted".into()
    }

    fn interval(&self) -> SignedDuration {
        SignedDuration::from_hours(6)
    }

    async fn fetch(&self) -> Result<Fetched> {
        self.asked.lock().expect("lock").push(self.clock.now());
        let mut answers = self.answers.lock().expect("lock");
        assert!(!answers.is_empty(), "it was asked once too often");
        answers.remove(0)
    }
}

/// Lets a testbed live for two days with a source that gives these answers, and tells at which hours it was
/// asked and how many satellites it knows in the end.
async fn live(dir: &std::path::Path, answers: Vec<Result<Fetched>>) -> (Vec<f64>, usize) {
    let start = time("2026-12-01T00:00:00");
    let clock = VirtualClock::starting_at(start);
    let artifacts = Arc::new(DirectoryStore::new(dir.join("artifacts")).await.expect("store"));
    let service = Service::new(Arc::new(MemoryStore::default()), artifacts, Arc::new(clock));
    let source = Arc::new(Scripted { clock, answers: Mutex::new(answers), asked: Mutex::default() });
    let shelf = Arc::new(DirectoryShelf::new(dir.join("elements"), "default"));
    let provided = Provided { provider: None, source: source.clone(), shelf };
    tokio::select! {
        () = service.keep_elements(&provided) => {}
        () = clock.sleep_until(start + SignedDuration::from_hours(48)) => {}
    }
    let asked = source.asked.lock().expect("lock");
    let hours = asked.iter().map(|at| at.duration_since(start).as_secs_f64() / 3_600.0).collect();
    let known = service.elements.of_provider("Starlink");
    (hours, known.map_or(0, |known| known.catalogue().satellites().len()))
}

#[tokio::test(start_paused = true)]
async fn after_a_refusal_a_source_is_never_asked_again_and_what_was_kept_is_used_on() {
    let dir = tempfile::tempdir().expect("directory");
    let answers = vec![Ok(Fetched::Text(set(4))), Ok(Fetched::Unchanged), Ok(Fetched::Refused("no".into()))];
    let (hours, known) = live(dir.path(), answers).await;
    assert_eq!((hours.len(), known), (3, 4), "{hours:?}");
    assert!(hours.windows(2).all(|pair| pair[1] - pair[0] >= 6.0), "{hours:?}");
    // Nor by the same testbed after a restart.
    assert_eq!(live(dir.path(), Vec::new()).await, (Vec::new(), 4));
}

#[tokio::test(start_paused = true)]
async fn what_is_no_set_or_cut_off_takes_nothings_place() {
    let dir = tempfile::tempdir().expect("directory");
    let failed = || Err(Error::unavailable("broke off"));
    let rest = (0..5).map(|_| Ok(Fetched::Unchanged));
    let answers = [
        failed(),
        failed(),
        Ok(Fetched::Text(set(8))),
        Ok(Fetched::Text(set(3))),
        Ok(Fetched::Text("x".into())),
    ];
    let (hours, known) = live(dir.path(), answers.into_iter().chain(rest).collect()).await;
    assert_eq!(known, 8);
    assert!(hours[0] == 0.0 && hours[1] - 1.0 / 6.0 < 0.2 && hours[2] < 1.0, "{hours:?}");
    assert!(hours[2..].windows(2).all(|pair| pair[1] - pair[0] >= 6.0), "{hours:?}");
}
