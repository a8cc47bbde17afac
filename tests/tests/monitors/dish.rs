//! The dish monitor and a dish that is none.

use std::collections::BTreeMap;
use std::sync::mpsc;
use std::time::Duration;

use leoscope_core::ErrorKind;
use leoscope_core::backends::monitors::DishMonitor;
use leoscope_core::model::{DishConfig, DishFacts, MapFrame, ObstructionMap};
use leoscope_core::ports::{Around, Finding, Monitor as _, Observation, TelemetryLine};
use leoscope_core::time::{SignedDuration, Timestamp, Window, parse_time, wire_time};
use leoscope_core::trigger::{Field, Key, Source, Value};
use leoscope_tests::dish::{
    Answer, FakeDish, GET_DEVICE_INFO, GET_HISTORY, GET_MAP, GET_STATUS, Message, Outage, READING, Scene,
};
use tonic::Code;

/// What stands for the id of the dish: printf ut01000000-00000000-00222222 | sha256sum, cut.
const ID_HASH: &str = "8c3e91260c1b19ca";

fn time(text: &str) -> Timestamp {
    parse_time(text).expect("time")
}

fn noon() -> Timestamp {
    time("2026-12-01T12:00:00")
}

fn after(seconds: i64) -> Timestamp {
    noon() + SignedDuration::from_secs(seconds)
}

fn monitor(address: &str) -> DishMonitor {
    let interval = SignedDuration::from_secs(1);
    DishMonitor::new(&DishConfig { address: address.to_owned(), interval }).expect("monitor")
}

/// While this is there, no time passes for monitors but what the test says.
struct Still {
    _held: mpsc::Sender<()>,
}

impl Still {
    fn begin() -> Self {
        tokio::time::pause();
        // Paused time goes on by itself while all wait for a connection, unless something blocks.
        let (held, until_dropped) = mpsc::channel();
        tokio::task::spawn_blocking(move || until_dropped.recv());
        Self { _held: held }
    }
}

/// A dish that has been on for an hour at noon, and its monitor.
async fn hour_old() -> (FakeDish, DishMonitor) {
    let dish = FakeDish::start(Scene::started(after(-3600)), noon()).await;
    let monitor = monitor(&dish.address());
    (dish, monitor)
}

async fn read_at(dish: &FakeDish, monitor: &DishMonitor, now: Timestamp) -> Observation {
    dish.set_time(now);
    monitor
        .read(&Around {
            now,
            site: None,
            weather_key: None,
            elements: None,
            satellites: Vec::new(),
            obstruction: None,
            all: false,
        })
        .await
        .expect("observation")
}

async fn fault_at(monitor: &DishMonitor, now: Timestamp) -> leoscope_core::Error {
    monitor
        .read(&Around {
            now,
            site: None,
            weather_key: None,
            elements: None,
            satellites: Vec::new(),
            obstruction: None,
            all: false,
        })
        .await
        .expect_err("a fault")
}

/// The readings, of which each field has one at most.
fn readings(observation: &Observation) -> BTreeMap<Key, Option<Value>> {
    let all = observation.samples.iter().map(|sample| (sample.key.clone(), sample.value.clone()));
    let by_key: BTreeMap<_, _> = all.collect();
    assert_eq!(by_key.len(), observation.samples.len());
    by_key
}

fn value(observation: &Observation, field: Field) -> Option<Value> {
    readings(observation).remove(&field.into()).unwrap_or_else(|| panic!("no reading of {field}"))
}

fn number(observation: &Observation, field: Field) -> Option<f64> {
    match value(observation, field) {
        Some(Value::Number(number)) => Some(number),
        None => None,
        other => panic!("{field} is {other:?}"),
    }
}

fn text(observation: &Observation, field: Field) -> Option<String> {
    match value(observation, field) {
        Some(Value::Text(text)) => Some(text.to_string()),
        None => None,
        other => panic!("{field} is {other:?}"),
    }
}

fn lines<'a>(observation: &'a Observation, file: &str) -> Vec<&'a TelemetryLine> {
    observation.telemetry.iter().filter(|line| line.file == file).collect()
}

/// A line of CSV without quotes by the names of its columns.
fn columns(line: &TelemetryLine) -> BTreeMap<&'static str, &str> {
    let (names, values): (Vec<_>, Vec<_>) =
        (line.header.split(',').collect(), line.line.split(',').collect());
    assert_eq!(names.len(), values.len(), "{}", line.line);
    names.into_iter().zip(values).collect()
}

fn facts(observation: &Observation) -> &DishFacts {
    let facts = observation.findings.iter().find_map(|finding| match finding {
        Finding::Dish(facts) => Some(facts),
        _ => None,
    });
    facts.expect("facts of the dish")
}

fn map(observation: &Observation) -> Option<&ObstructionMap> {
    observation.findings.iter().find_map(|finding| match finding {
        Finding::Obstruction(map) => Some(map),
        _ => None,
    })
}

/// The downlinks of the seconds of the history, which tell which seconds they are, with their times.
fn seconds(observation: &Observation) -> Vec<(Timestamp, u64)> {
    let lines = lines(observation, "dish-history.csv");
    let second = |line: &&TelemetryLine| {
        let columns = columns(line);
        assert_eq!(columns["datetimestamp_utc"], wire_time(line.at));
        (line.at, columns["downlink_throughput_bps"].parse().expect("a whole number"))
    };
    lines.iter().map(second).collect()
}

#[tokio::test]
async fn every_field_of_a_dish_that_is_well_is_told() {
    let _still = Still::begin();
    let (dish, monitor) = hour_old().await;
    dish.change(|scene| scene.alerts = vec![7, 9, 23]);
    assert_eq!(monitor.source(), Source::Dish);
    let seen = read_at(&dish, &monitor, noon()).await;
    assert!(seen.samples.iter().all(|sample| sample.at == noon()));
    let told = readings(&seen);
    for field in Field::all().filter(|field| field.info().source == Source::Dish) {
        let value = told.get(&field.into()).unwrap_or_else(|| panic!("no reading of {field}"));
        let value = value.as_ref().unwrap_or_else(|| panic!("{field} has no value"));
        assert_eq!(value.kind(), field.info().kind, "{field}");
    }
    for (field, expected) in [
        (Field::DISH_LATENCY, f64::from(dish_latency(noon()))),
        (Field::DISH_DROP_RATE, 0.0),
        (Field::DISH_DOWNLINK, 3600.0),
        (Field::DISH_UPLINK, 250_000.0),
        (Field::DISH_OBSTRUCTION_FRACTION, 0.0125),
        (Field::DISH_AZIMUTH, -10.0),
        (Field::DISH_ELEVATION, 65.0),
        (Field::DISH_TILT, 24.5),
        (Field::DISH_ATTITUDE_UNCERTAINTY, 0.5),
        (Field::DISH_UPTIME, 3600.0),
        (Field::DISH_ALERTS, f64::from((1 << 6) | (1 << 8) | (1 << 22))),
        (Field::DISH_GPS_SATS, 14.0),
        (Field::DISH_POWER, 61.5),
        (Field::DISH_ETH_SPEED, 1000.0),
        (Field::DISH_SLOT_WAIT, 0.0),
    ] {
        assert_eq!(number(&seen, field), Some(expected), "{field}");
    }
    let misalignment = number(&seen, Field::DISH_MISALIGNMENT).expect("an angle");
    assert!((misalignment - 1.5).abs() < 1e-9, "{misalignment}");
    for (field, expected) in [
        (Field::DISH_STATE, "CONNECTED"),
        (Field::DISH_OUTAGE_CAUSE, ""),
        (Field::DISH_ID, ID_HASH),
        (Field::DISH_SOFTWARE, "2026.06.12.mr81164"),
        (Field::DISH_HARDWARE, "rev3_proto2"),
        (Field::DISH_MOBILITY_CLASS, "MOBILE"),
    ] {
        assert_eq!(text(&seen, field).as_deref(), Some(expected), "{field}");
    }
    for (field, expected) in [
        (Field::DISH_OBSTRUCTED, true),
        (Field::DISH_SNR_OK, true),
        (Field::DISH_SNR_LOW, false),
        (Field::DISH_GPS_VALID, true),
        (Field::DISH_ALERT_ROAMING, true),
        (Field::DISH_ALERT_IS_HEATING, true),
        (Field::DISH_ALERT_NO_ETHERNET_LINK, true),
        (Field::DISH_ALERT_MOTORS_STUCK, false),
        (Field::DISH_ALERT_DBF_TELEM_STALE, false),
    ] {
        assert_eq!(value(&seen, field), Some(Value::Flag(expected)), "{field}");
    }
}

/// What the dish of [`hour_old`] tells of the latency.
fn dish_latency(at: Timestamp) -> f32 {
    Scene::started(after(-3600)).latency(at)
}

#[tokio::test]
async fn the_manifest_learns_what_the_dish_is_and_not_its_id() {
    let (dish, monitor) = hour_old().await;
    dish.change(|scene| scene.alerts = vec![7]);
    let seen = read_at(&dish, &monitor, noon()).await;
    let facts = facts(&seen);
    let expected = DishFacts {
        at: noon(),
        id_hash: facts.id_hash.clone(),
        hardware: Some("rev3_proto2".into()),
        software: Some("2026.06.12.mr81164".into()),
        uptime_s: Some(3600),
        obstruction_fraction: Some(0.0125),
        azimuth_deg: Some(-10.0),
        elevation_deg: Some(65.0),
        alerts: vec!["roaming".into()],
    };
    assert_eq!(*facts, expected);
    assert_eq!(facts.id_hash.as_deref(), Some(ID_HASH));
    assert!(!format!("{seen:?}").contains("ut01000000"), "{seen:?}");
}

#[tokio::test]
async fn the_line_of_a_status_has_the_columns_that_existing_tools_write() {
    let _still = Still::begin();
    let (dish, monitor) = hour_old().await;
    dish.change(|scene| scene.alerts = vec![1, 11]);
    let seen = read_at(&dish, &monitor, noon()).await;
    let [line] = lines(&seen, "dish.csv")[..] else { panic!("one line") };
    assert_eq!(line.at, noon());
    assert_eq!(
        line.header,
        "datetimestamp_utc,id,hardware_version,software_version,state,uptime,snr,\
         seconds_to_first_nonempty_slot,pop_ping_drop_rate,downlink_throughput_bps,uplink_throughput_bps,\
         pop_ping_latency_ms,alerts,fraction_obstructed,currently_obstructed,seconds_obstructed,\
         obstruction_duration,obstruction_interval,direction_azimuth,direction_elevation,\
         is_snr_above_noise_floor,gps_ready,gps_enabled,gps_sats,valid_s"
    );
    assert_eq!(
        line.line,
        "2026-12-01T12:00:00,8c3e91260c1b19ca,rev3_proto2,2026.06.12.mr81164,CONNECTED,3600,,\
         0,0,3600,250000,LATENCY,1025,0.0125,True,,2.5,300,-10,65,True,True,True,14,86000.5"
            .replace("LATENCY", &dish_latency(noon()).to_string())
    );
    let history = lines(&seen, "dish-history.csv");
    assert_eq!(
        history[0].header,
        "datetimestamp_utc,pop_ping_drop_rate,pop_ping_latency_ms,downlink_throughput_bps,\
         uplink_throughput_bps,snr,scheduled,obstructed,power_w"
    );
    let newest = history.last().expect("a line");
    assert_eq!(newest.line, format!("2026-12-01T12:00:00,0,{},3600,250000,,,,61.5", dish_latency(noon())));
}

#[tokio::test]
async fn latency_stays_within_a_slot_and_changes_between_slots() {
    let (dish, monitor) = hour_old().await;
    let mut told = Vec::new();
    for second in 0..45 {
        let seen = read_at(&dish, &monitor, after(second)).await;
        told.push(number(&seen, Field::DISH_LATENCY).expect("a latency"));
    }
    let changes: Vec<_> = (1..45).filter(|at| told[*at] != told[*at - 1]).collect();
    assert_eq!(changes, [12, 27, 42]);
}

#[tokio::test]
async fn each_outage_is_told_with_its_cause_and_without_a_latency() {
    let causes = [
        (0, "UNKNOWN", "UNKNOWN"),
        (1, "BOOTING", "BOOTING"),
        (3, "THERMAL_SHUTDOWN", "THERMAL_SHUTDOWN"),
        (4, "NO_SCHEDULE", "SEARCHING"),
        (6, "OBSTRUCTED", "OBSTRUCTED"),
        (11, "SLEEPING", "SLEEPING"),
        (12, "CAUSE_12", "CAUSE_12"),
        (14, "INHIBIT_RF", "INHIBIT_RF"),
        (99, "CAUSE_99", "CAUSE_99"),
    ];
    let _still = Still::begin();
    let (dish, monitor) = hour_old().await;
    for (place, (cause, named, state)) in (0..).zip(causes) {
        let during = Window::new(after(place), after(place + 1)).expect("window");
        dish.change(|scene| scene.outages = vec![Outage { during, cause }]);
        let seen = read_at(&dish, &monitor, after(place)).await;
        assert_eq!(text(&seen, Field::DISH_OUTAGE_CAUSE).as_deref(), Some(named));
        assert_eq!(text(&seen, Field::DISH_STATE).as_deref(), Some(state));
        assert_eq!(number(&seen, Field::DISH_LATENCY), None);
        assert_eq!(number(&seen, Field::DISH_DROP_RATE), Some(1.0));
        assert_eq!(number(&seen, Field::DISH_SLOT_WAIT), None);
        let line = columns(lines(&seen, "dish.csv")[0]);
        assert_eq!((line["state"], line["pop_ping_latency_ms"]), (state, ""));
    }
    let seen = read_at(&dish, &monitor, after(60)).await;
    assert_eq!(text(&seen, Field::DISH_STATE).as_deref(), Some("CONNECTED"));
    // The seconds of the outage that was last, in the history.
    let lost = lines(&seen, "dish-history.csv").into_iter().map(columns);
    let lost: Vec<_> = lost.filter(|line| line["pop_ping_drop_rate"] == "1").collect();
    assert_eq!(lost.len(), 1);
    assert_eq!((lost[0]["datetimestamp_utc"], lost[0]["pop_ping_latency_ms"]), ("2026-12-01T12:00:08", ""));
}

#[tokio::test]
async fn the_history_has_each_second_once_also_across_the_end_of_its_ring() {
    let _still = Still::begin();
    let (dish, monitor) = hour_old().await;
    let mut all = seconds(&read_at(&dish, &monitor, noon()).await);
    assert_eq!(all.len(), 900);
    for at in 1..=2000 {
        // It is read as often as a node does: each second, and at times not for minutes.
        if at % 700 < 500 {
            all.extend(seconds(&read_at(&dish, &monitor, after(at)).await));
        }
    }
    let expected = (-899..=all.last().expect("a second").0.duration_since(noon()).as_secs())
        .map(|second| (after(second), u64::try_from(3600 + second).expect("second")));
    assert_eq!(all, expected.collect::<Vec<_>>());
    // Those before noon, and those up to the last time that the history was due.
    assert_eq!(all.len(), 900 + 1880);
    // Every twenty seconds, not with each status.
    assert!(dish.asked(GET_HISTORY) < 100, "{}", dish.asked(GET_HISTORY));
}

#[tokio::test]
async fn the_seconds_of_a_dish_that_answers_late_have_their_own_times() {
    let _still = Still::begin();
    let (dish, monitor) = hour_old().await;
    let late = async {
        until(|| dish.asked(GET_STATUS) == 1).await;
        dish.set_time(after(2));
        tokio::time::advance(Duration::from_secs(2)).await;
    };
    let around = Around {
        now: noon(),
        site: None,
        weather_key: None,
        elements: None,
        satellites: Vec::new(),
        obstruction: None,
        all: false,
    };
    let (seen, ()) = tokio::join!(monitor.read(&around), late);
    let seen = seen.expect("observation");
    assert_eq!(seconds(&seen).last(), Some(&(after(2), 3602)));
    let power = seen.samples.iter().find(|sample| sample.key == Field::DISH_POWER.into());
    assert_eq!(power.map(|sample| sample.at), Some(after(2)));
}

#[tokio::test]
async fn power_is_known_until_the_history_is_not_and_not_only_while_it_has_news() {
    let (dish, monitor) = hour_old().await;
    assert_eq!(number(&read_at(&dish, &monitor, noon()).await, Field::DISH_POWER), Some(61.5));
    // The dish has not come further.
    let around = Around {
        now: after(20),
        site: None,
        weather_key: None,
        elements: None,
        satellites: Vec::new(),
        obstruction: None,
        all: false,
    };
    let same = monitor.read(&around).await.expect("observation");
    assert_eq!((dish.asked(GET_HISTORY), seconds(&same).len()), (2, 0));
    assert_eq!(readings(&same).get(&Field::DISH_POWER.into()), None);
    dish.answer(GET_HISTORY, Some(Answer::Refuse(Code::Unavailable)));
    assert_eq!(value(&read_at(&dish, &monitor, after(40)).await, Field::DISH_POWER), None);
    dish.answer(GET_HISTORY, None);
    assert_eq!(number(&read_at(&dish, &monitor, after(60)).await, Field::DISH_POWER), Some(61.5));
}

#[tokio::test]
async fn seconds_that_the_ring_has_lost_are_a_gap() {
    let _still = Still::begin();
    let (dish, monitor) = hour_old().await;
    let before = seconds(&read_at(&dish, &monitor, noon()).await);
    let later = seconds(&read_at(&dish, &monitor, after(1000)).await);
    assert_eq!(before.last(), Some(&(noon(), 3600)));
    assert_eq!((later.len(), later[0]), (900, (after(101), 3701)));
    assert_eq!(later.last(), Some(&(after(1000), 4600)));
}

#[tokio::test]
async fn a_dish_that_was_started_anew_begins_a_new_history() {
    let _still = Still::begin();
    let (dish, monitor) = hour_old().await;
    read_at(&dish, &monitor, noon()).await;
    // The counter is smaller.
    dish.change(|scene| scene.started = after(10));
    let seen = seconds(&read_at(&dish, &monitor, after(30)).await);
    assert_eq!((seen.len(), seen[0]), (20, (after(11), 1)));
    // The counter is larger already, and only the dish's own count tells.
    dish.change(|scene| {
        scene.started = after(100);
        scene.bootcount += 1;
    });
    let seen = seconds(&read_at(&dish, &monitor, after(150)).await);
    assert_eq!((seen.len(), seen[0], seen[49]), (50, (after(101), 1), (after(150), 50)));
}

#[tokio::test]
async fn cells_of_the_map_of_which_nothing_is_known_have_no_value() {
    let (dish, monitor) = hour_old().await;
    let seen = read_at(&dish, &monitor, noon()).await;
    let expected = ObstructionMap {
        at: noon(),
        rows: 2,
        columns: 3,
        clear: vec![Some(1.0), Some(0.25), None, Some(0.0), None, Some(1.0)],
        min_elevation_deg: Some(10.0),
        max_theta_deg: Some(80.0),
        frame: Some(MapFrame::Earth),
    };
    assert_eq!(map(&seen), Some(&expected));
    assert_eq!(map(&read_at(&dish, &monitor, after(59)).await), None);
    dish.change(|scene| {
        scene.map = (vec![-1.0; 123 * 123], 123);
        scene.frame = 2;
    });
    let seen = read_at(&dish, &monitor, after(60)).await;
    let whole = map(&seen).expect("a map");
    assert_eq!((whole.rows, whole.columns, whole.frame), (123, 123, Some(MapFrame::Dish)));
    assert!(whole.clear.len() == 123 * 123 && whole.clear.iter().all(Option::is_none));
    // One that is not what it says.
    let odd = Message::new().integer(1, 2).integer(2, 2).floats(3, &[1.0]);
    dish.answer(GET_MAP, Some(Answer::Message(Message::new().message(2008, odd))));
    assert_eq!(map(&read_at(&dish, &monitor, after(120)).await), None);
}

#[tokio::test]
async fn what_a_dish_does_not_tell_has_no_value() {
    let (dish, monitor) = hour_old().await;
    dish.change(|scene| {
        scene.missing = vec![1, 2, 1004, 1005, 1015, 1027];
        scene.tells_power = false;
    });
    dish.answer(GET_DEVICE_INFO, Some(Answer::Refuse(Code::Unimplemented)));
    let seen = read_at(&dish, &monitor, noon()).await;
    let told = readings(&seen);
    let known = told.iter().filter(|(_, value)| value.is_some()).map(|(key, _)| key.to_string());
    let mut known: Vec<_> = known.collect();
    known.sort();
    assert_eq!(
        known,
        [
            "dish.azimuth",
            "dish.downlink",
            "dish.drop_rate",
            "dish.elevation",
            "dish.eth_speed",
            "dish.latency",
            "dish.mobility_class",
            "dish.outage_cause",
            "dish.slot_wait",
            "dish.snr_low",
            "dish.snr_ok",
            "dish.state",
            "dish.uplink",
        ]
    );
    // All others were read, and have none.
    let fields = Field::all().filter(|field| field.info().source == Source::Dish).count();
    assert_eq!(told.len(), fields);
    let line = columns(lines(&seen, "dish.csv")[0]);
    for column in ["id", "uptime", "alerts", "fraction_obstructed", "currently_obstructed", "gps_enabled"] {
        assert_eq!(line[column], "", "{column}");
    }
    let facts = facts(&seen);
    assert_eq!((&facts.id_hash, facts.uptime_s, facts.alerts.len()), (&None, None, 0));
}

#[tokio::test]
async fn a_status_without_the_device_is_completed_by_asking_what_device_it_is() {
    let (dish, monitor) = hour_old().await;
    dish.change(|scene| scene.missing = vec![1]);
    for (at, asked) in [(0, 1), (59, 1), (60, 2)] {
        let seen = read_at(&dish, &monitor, after(at)).await;
        assert_eq!(text(&seen, Field::DISH_HARDWARE).as_deref(), Some("rev3_proto2"));
        assert!(facts(&seen).id_hash.is_some());
        assert_eq!(dish.asked(GET_DEVICE_INFO), asked);
    }
}

#[tokio::test]
async fn an_empty_status_tells_nothing_and_an_empty_answer_is_a_fault() {
    let (dish, monitor) = hour_old().await;
    dish.answer(GET_DEVICE_INFO, Some(Answer::Message(Message::new())));
    dish.answer(GET_HISTORY, Some(Answer::Message(Message::new().message(2006, Message::new()))));
    dish.answer(GET_STATUS, Some(Answer::Message(Message::new().message(2004, Message::new()))));
    let seen = read_at(&dish, &monitor, noon()).await;
    assert!(readings(&seen).values().all(Option::is_none), "{:?}", readings(&seen));
    let line = &lines(&seen, "dish.csv")[0].line;
    assert_eq!(line, &format!("2026-12-01T12:00:00{}", ",".repeat(24)));
    dish.answer(GET_STATUS, Some(Answer::Message(Message::new())));
    let error = fault_at(&monitor, after(1)).await;
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.message().ends_with("does not answer as a dish does"), "{error}");
    // Another part of the interface than was asked for.
    let map = Message::new().message(2008, Message::new());
    dish.answer(GET_STATUS, Some(Answer::Message(map)));
    assert_eq!(fault_at(&monitor, after(2)).await.kind(), ErrorKind::Unsupported);
    dish.answer(GET_STATUS, None);
    assert!(number(&read_at(&dish, &monitor, after(3)).await, Field::DISH_LATENCY).is_some());
}

#[tokio::test]
async fn fields_of_later_firmware_are_passed_over() {
    let (dish, monitor) = hour_old().await;
    let scene = Scene::started(after(-3600));
    let unknown = scene.status(noon()).message(1999, Message::new().text(1, "new")).integer(1998, 5);
    let unknown = unknown.float(1997, 2.5).message(1005, Message::new().integer(63, 1).integer(2, 1));
    let answer = Message::new().integer(1, 5).integer(3, 42).message(2004, unknown).text(99, "new");
    dish.answer(GET_STATUS, Some(Answer::Message(answer)));
    let seen = read_at(&dish, &monitor, noon()).await;
    assert_eq!(number(&seen, Field::DISH_UPTIME), Some(3600.0));
    assert_eq!(number(&seen, Field::DISH_ALERTS), Some(2.0));
}

#[tokio::test]
async fn a_dish_that_refuses_history_and_map_is_watched_without_and_asked_again_much_later() {
    for (history, map_code) in
        [(Code::Unimplemented, Code::PermissionDenied), (Code::PermissionDenied, Code::Unimplemented)]
    {
        let (dish, monitor) = hour_old().await;
        dish.answer(GET_HISTORY, Some(Answer::Refuse(history)));
        dish.answer(GET_MAP, Some(Answer::Refuse(map_code)));
        for at in [0, 1, 60, 599] {
            let seen = read_at(&dish, &monitor, after(at)).await;
            assert_eq!(text(&seen, Field::DISH_STATE).as_deref(), Some("CONNECTED"));
            assert_eq!((seconds(&seen).len(), map(&seen)), (0, None));
            assert_eq!((dish.asked(GET_HISTORY), dish.asked(GET_MAP)), (1, 1));
        }
        dish.answer(GET_HISTORY, None);
        dish.answer(GET_MAP, None);
        let seen = read_at(&dish, &monitor, after(600)).await;
        assert_eq!((seconds(&seen).len(), map(&seen).is_some()), (900, true));
        assert_eq!((dish.asked(GET_HISTORY), dish.asked(GET_MAP)), (2, 2));
        read_at(&dish, &monitor, after(620)).await;
        assert_eq!(dish.asked(GET_HISTORY), 3);
        assert_eq!(dish.connections(), 1);
    }
}

#[tokio::test]
async fn a_dish_that_cannot_tell_history_and_map_for_once_is_asked_again_when_they_are_due() {
    let (dish, monitor) = hour_old().await;
    dish.answer(GET_HISTORY, Some(Answer::Refuse(Code::Unavailable)));
    dish.answer(GET_MAP, Some(Answer::Refuse(Code::Internal)));
    read_at(&dish, &monitor, noon()).await;
    dish.answer(GET_HISTORY, None);
    dish.answer(GET_MAP, None);
    assert_eq!(seconds(&read_at(&dish, &monitor, after(19)).await), []);
    assert_eq!(seconds(&read_at(&dish, &monitor, after(20)).await).len(), 900);
    assert_eq!(map(&read_at(&dish, &monitor, after(59)).await), None);
    assert!(map(&read_at(&dish, &monitor, after(60)).await).is_some());
    // And at once where all is wanted, as at the end of a run.
    dish.answer(GET_HISTORY, Some(Answer::Refuse(Code::Unavailable)));
    read_at(&dish, &monitor, after(80)).await;
    dish.answer(GET_HISTORY, None);
    let around = Around {
        now: after(81),
        site: None,
        weather_key: None,
        elements: None,
        satellites: Vec::new(),
        obstruction: None,
        all: true,
    };
    dish.set_time(after(81));
    assert!(!seconds(&monitor.read(&around).await.expect("observation")).is_empty());
}

#[tokio::test]
async fn a_refused_status_is_a_fault_that_says_so() {
    let (dish, monitor) = hour_old().await;
    for (code, kind) in [
        (Code::PermissionDenied, ErrorKind::PermissionDenied),
        (Code::Unimplemented, ErrorKind::Unsupported),
        (Code::Unavailable, ErrorKind::Unavailable),
        (Code::Internal, ErrorKind::Internal),
    ] {
        dish.answer(GET_STATUS, Some(Answer::Refuse(code)));
        let error = fault_at(&monitor, noon()).await;
        assert_eq!(error.kind(), kind, "{error}");
        let expected =
            format!("the dish at {} refuses: {code:?}, \"Disabled due to policy\"", dish.address());
        assert_eq!(error.message(), expected);
    }
    // As dishes answer as well.
    let refusal = Message::new().message(2, Message::new().integer(1, 7).text(2, "no"));
    dish.answer(GET_STATUS, Some(Answer::Message(refusal)));
    let error = fault_at(&monitor, noon()).await;
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    assert!(error.message().ends_with("refuses: PermissionDenied, \"no\""), "{error}");
}

#[tokio::test]
async fn a_dish_that_hangs_is_a_fault_in_time_and_connected_to_anew() {
    let (dish, monitor) = hour_old().await;
    let monitor = monitor.with_deadline(Duration::from_millis(200)).expect("monitor");
    assert_eq!(monitor.patience(), SignedDuration::from_millis(1400));
    dish.answer(GET_STATUS, Some(Answer::Hang));
    let error = fault_at(&monitor, noon()).await;
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.message().starts_with("no answer from the dish at 127.0.0.1:"), "{error}");
    dish.answer(GET_STATUS, None);
    // What hangs along with the status does not keep it.
    dish.answer(GET_HISTORY, Some(Answer::Hang));
    let seen = read_at(&dish, &monitor, after(1)).await;
    assert!(number(&seen, Field::DISH_LATENCY).is_some());
    assert_eq!((seconds(&seen).len(), map(&seen).is_some()), (0, true));
    assert_eq!(dish.connections(), 2);
}

#[tokio::test]
async fn a_reading_that_was_given_up_leaves_nothing_that_hangs() {
    let (dish, monitor) = hour_old().await;
    read_at(&dish, &monitor, noon()).await;
    dish.answer(GET_STATUS, Some(Answer::Hang));
    let around = Around {
        now: after(1),
        site: None,
        weather_key: None,
        elements: None,
        satellites: Vec::new(),
        obstruction: None,
        all: false,
    };
    tokio::select! {
        biased;
        read = monitor.read(&around) => panic!("{read:?}"),
        () = until(|| dish.asked(GET_STATUS) == 2) => {}
    }
    dish.answer(GET_STATUS, None);
    read_at(&dish, &monitor, after(2)).await;
    assert_eq!(dish.connections(), 2);
}

/// Lets others go on until it is so.
async fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_connection_that_breaks_is_a_fault_once() {
    let (dish, monitor) = hour_old().await;
    read_at(&dish, &monitor, noon()).await;
    dish.answer(GET_STATUS, Some(Answer::Drop));
    let error = fault_at(&monitor, after(1)).await;
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    dish.answer(GET_STATUS, None);
    let seen = read_at(&dish, &monitor, after(2)).await;
    assert!(number(&seen, Field::DISH_LATENCY).is_some());
    assert_eq!(dish.connections(), 2);
}

#[tokio::test]
async fn no_dish_at_all_is_a_fault_and_one_that_comes_later_is_found() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").expect("listen").local_addr().expect("address");
    let error = fault_at(&monitor(&gone.to_string()), noon()).await;
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.message().starts_with(&format!("cannot reach the dish at {gone}: ")), "{error}");
    assert!(error.what_to_do().is_some_and(|hint| hint.contains("monitors.dish.address")), "{error:?}");

    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("listen");
    let silent_at = silent.local_addr().expect("address").to_string();
    let hanging = monitor(&silent_at).with_deadline(Duration::from_millis(200)).expect("monitor");
    assert_eq!(fault_at(&hanging, noon()).await.kind(), ErrorKind::Timeout);
}

#[tokio::test]
async fn nothing_but_the_reading_requests_is_ever_sent() {
    let (dish, monitor) = hour_old().await;
    dish.change(|scene| scene.missing = vec![1]);
    for at in 0..130 {
        read_at(&dish, &monitor, after(at)).await;
        if at == 70 {
            dish.cut();
            // Whether or not the break shows before the next request, that one is a request for the status.
            let _ = monitor
                .read(&Around {
                    now: after(at),
                    site: None,
                    weather_key: None,
                    elements: None,
                    satellites: Vec::new(),
                    obstruction: None,
                    all: false,
                })
                .await;
        }
    }
    let requests = dish.requests();
    assert!(requests.iter().all(|number| READING.contains(number)), "{requests:?}");
    assert!(READING.iter().all(|number| requests.contains(number)), "{requests:?}");
}

#[test]
fn the_protocol_has_no_other_request_in_it() {
    let proto = include_str!("../../../leoscope-core/proto/spacex/device.proto");
    let (_, request) = proto.split_once("message Request {").expect("the message");
    let (request, _) = request.split_once("\n}").expect("its end");
    let numbers = request.lines().filter_map(|line| line.trim().strip_suffix(';')?.rsplit_once("= "));
    let numbers: Vec<u32> = numbers.map(|(_, number)| number.parse().expect("number")).collect();
    assert_eq!(numbers, READING);
    assert_eq!(proto.matches("rpc ").count(), 1);
    // And what an orchestrator tells of its own calls has nothing of it.
    assert!(leoscope_core::proto::methods().iter().all(|method| !method.contains("SpaceX")));
}
