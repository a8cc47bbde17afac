//! What the manifests of bundles say, and that their schema and documentation say the same.

use std::collections::BTreeSet;

use leoscope_core::model::{
    Checksum, ConfigSource, DishFacts, ElementSet, HostDescription, LeftOut, Manifest, ManifestOutcome,
    ManifestRun, NodeFacts, Outcome, PackedFile, PhaseTime, Position, Reading, Reason, RunFacts, Slots,
    Software, StartMode, TriggerFacts, WeatherFacts, WhyLeftOut,
};
use leoscope_core::ports::HostFacts;
use leoscope_core::trigger::Value as Read;
use leoscope_tests::manifest;
use serde_json::{Value, json};

use super::*;

const DOCS: &str = include_str!("../../../docs/bundle.md");

/// A machine that is always the same.
#[derive(Debug)]
pub(crate) struct Machine;

#[async_trait]
impl HostFacts for Machine {
    async fn describe(&self) -> Result<HostDescription> {
        Ok(HostDescription {
            operating_system: Some("Debian GNU/Linux 12 (bookworm)".into()),
            kernel: Some("Linux 6.1.0-18-amd64".into()),
            architecture: Some("x86_64".into()),
        })
    }
}

/// The manifests of all bundles of a world that arrived, by job.
fn arrived(world: &World) -> BTreeMap<String, Value> {
    let found = manifest::all_below(&world.dir.path().join("artifacts")).into_iter();
    found.map(|found| (found["job"]["id"].as_str().expect("id").to_owned(), found)).collect()
}

async fn described(world: &World, node: &NodeState) {
    let update = NodeUpdate {
        name: Some("Seattle".into()),
        coords: Some("47.6062,-122.3321".parse().expect("coordinates")),
        location: Some("seattle".into()),
        provider: Some("starlink".into()),
        public_ip: Some("192.0.2.44".into()),
        ..NodeUpdate::default()
    };
    world.as_user("admin", Role::Admin).update_node(&node.id, update).await.expect("updated");
}

/// The example of the documentation, as a node packs it.
#[tokio::test(start_paused = true)]
async fn the_example_in_the_documentation_is_what_a_node_packs() {
    let world = World::new().await;
    let mut node = world.node("node-seattle").await;
    node.meter.tells(-412);
    described(&world, &node).await;
    world.boot(&mut node).await;
    world.until(20).await;
    node.runtime.set_behaviour(None, Behaviour { duration: None, ..Behaviour::default() });
    let spec = job("ping", &node.id, None, (300, 360), 60);
    world.as_user("researcher", Role::User).schedule_job(spec).await.expect("booked");
    world.until(400).await;
    let packed = &arrived(&world)["ping"];
    let (_, after) = DOCS.split_once("```json\n").expect("an example");
    let (example, _) = after.split_once("\n```").expect("the end of the example");
    let told: Value = serde_json::from_str(example).expect("the example is JSON");
    assert_eq!(told, *packed, "the manifest is\n{packed:#}");
}

/// A run that is begun has a bundle, however it ends.
#[tokio::test(start_paused = true)]
async fn every_run_that_was_begun_has_a_bundle_that_tells_how_it_ended() {
    let world = World::new().await;
    let mut nodes = Vec::new();
    for name in ["completed", "failed", "aborted", "missed", "skipped"] {
        let mut node = world.node(name).await;
        world.boot(&mut node).await;
        nodes.push(node);
    }
    let researcher = world.as_user("researcher", Role::User);
    let behaviour = |duration: Option<u64>| Behaviour {
        duration: duration.map(Duration::from_secs),
        ..Behaviour::default()
    };
    let refused = Outcome::failed(Stage::ImagePull, Reason::StartFailed, "no such image");
    for node in &nodes {
        let does = match node.id.as_str() {
            "failed" => Behaviour { prepare_failure: Some(refused.clone()), ..behaviour(None) },
            "completed" => behaviour(Some(7)),
            _ => behaviour(None),
        };
        node.runtime.set_behaviour(None, does);
        let mut spec = job(node.id.as_str(), &node.id, None, (300, 420), 60);
        spec.policies = Policies { allowed_lateness: SignedDuration::from_secs(2), ..Policies::default() };
        researcher.schedule_job(spec).await.expect("booked");
    }
    world.until(290).await;
    // Being made ready, when the power goes for longer than the run may be late.
    World::crash(&mut nodes[3]).await;
    let drain = leoscope_core::model::Standby {
        kind: leoscope_core::model::StandbyKind::Drain,
        reason: Some("moving".into()),
        until: None,
    };
    let admin = world.as_user("admin", Role::Admin);
    let by_person = leoscope_core::model::StandbyBy::Person;
    admin.set_standby(&nodes[4].id, by_person, Some(drain)).await.expect("drained");
    world.until(310).await;
    world.boot(&mut nodes[3]).await;
    world.until(320).await;
    admin.delete_job(&JobId::parse("aborted").expect("id")).await.expect("deleted");
    world.until(500).await;

    let manifests = arrived(&world);
    for (name, status, phases) in [
        ("completed", "COMPLETED", &["DEPLOY", "EXECUTE", "FINISH"][..]),
        ("failed", "FAILED", &["DEPLOY", "FINISH"]),
        ("aborted", "ABORTED", &["DEPLOY", "EXECUTE", "FINISH"]),
        ("missed", "MISSED", &["DEPLOY", "FINISH"]),
        ("skipped", "SKIPPED", &["DEPLOY", "FINISH"]),
    ] {
        let found = manifests.get(name).unwrap_or_else(|| panic!("{name} has no bundle"));
        assert_eq!(found["run"]["outcome"]["status"], status, "{found:#}");
        let told: Vec<&Value> =
            found["phases"].as_array().expect("phases").iter().map(|p| &p["phase"]).collect();
        assert_eq!(told, phases, "{found:#}");
        assert_eq!(found.get("slot").is_some(), phases.len() == 3, "{found:#}");
    }
    assert_eq!(manifests["completed"]["phases"][1]["duration_us"], 7_000_000);
    let run = |name: &str| manifests[name]["run"]["id"].as_str().map(str::to_owned);
    for run_record in world.runs().await {
        assert_eq!(run(run_record.job.as_str()).as_deref(), Some(run_record.id.as_str()));
    }
}

/// The record reaches the node with its orders, and again when it changes.
#[tokio::test(start_paused = true)]
async fn a_changed_record_reaches_the_node_and_its_address_only_where_the_operator_says_so() {
    let world = World::new().await;
    let mut silent = world.node("silent").await;
    let mut open = world.node("open").await;
    open.executor = ExecutorConfig::parse("manifest: {public_address: true}").expect("config");
    let researcher = world.as_user("researcher", Role::User);
    for node in [&mut silent, &mut open] {
        world.boot(node).await;
        let spec = job(node.id.as_str(), &node.id, None, (300, 360), 60);
        researcher.schedule_job(spec).await.expect("booked");
    }
    world.until(5).await;
    let orders = async |node: &NodeState| node.ledger.orders().await.expect("ledger").expect("orders");
    assert_eq!(orders(&open).await.site.expect("site").provider, None);
    for node in [&silent, &open] {
        described(&world, node).await;
    }
    world.until(7).await;
    let told = orders(&open).await;
    assert_eq!(told.site.expect("site").provider.as_deref(), Some("starlink"), "at once, by the stream");
    // What the node need not know does not stir it.
    let update = NodeUpdate { description: Some("on the roof".into()), ..NodeUpdate::default() };
    world.as_user("admin", Role::Admin).update_node(&open.id, update).await.expect("updated");
    world.until(10).await;
    assert_eq!(orders(&open).await.revision, told.revision);
    world.until(500).await;
    let manifests = arrived(&world);
    assert_eq!(manifests["open"]["node"]["public_address"], "192.0.2.44");
    assert_eq!(manifests["silent"]["node"].get("public_address"), None);
    assert_eq!(
        manifests["silent"]["node"]["coordinates"],
        json!({"latitude": 47.6062, "longitude": -122.3321})
    );
}

/// The connection string of an experiment's own store is for the node, not for whoever reads results.
#[tokio::test(start_paused = true)]
async fn the_key_of_a_store_is_not_in_the_bundle() {
    let world = World::new().await;
    let mut node = world.node("node").await;
    world.boot(&mut node).await;
    let key = "c2VjcmV0IGtleSBvZiBhIHN0b3JlIHRoYXQgbm9ib2R5IG1heSBzZWU=";
    let mut spec = job("own", &node.id, None, (300, 360), 60);
    spec.config = format!(
        "process: {{command: measure}}\nown: 'https://x/?key={key}'\ncloud_config:\n  connection_string: DefaultEndpointsProtocol=https;AccountName=lab;AccountKey={key}\n  container: results\n"
    );
    spec.params.execute = format!("run with {key}");
    world.as_user("researcher", Role::User).schedule_job(spec).await.expect("booked");
    world.until(310).await;
    let outbox = work_dir(world.dir.path(), &node.id).join("outbox");
    let delivered = world.dir.path().join("artifacts");
    let dirs = [outbox, delivered];
    let bundles = dirs.iter().filter(|dir| dir.is_dir());
    let manifests: Vec<Value> = bundles.flat_map(|dir| manifest::all_below(dir)).collect();
    let found = manifests.first().expect("a bundle, delivered or not");
    let text = found.to_string();
    assert!(!text.contains(key), "{text}");
    assert!(found["job"]["config"].as_str().expect("config").contains("connection_string: '***'"), "{text}");
}

fn everything() -> Manifest {
    let at = start_of_world();
    let window = Window::new(at, at + SignedDuration::from_secs(60)).expect("window");
    let spec = job("exp", &NodeId::parse("node").expect("id"), Some("*/5 * * * *"), (0, 60), 60);
    let mut run = Run::planned(
        leoscope_core::ids::RunId::parse("0123456789abcdef").expect("id"),
        spec.id.clone().expect("id"),
        spec.node.clone(),
        UserId::parse("researcher").expect("id"),
        window,
    );
    (run.started, run.ended) = (Some(at), Some(at + SignedDuration::from_secs(7)));
    let job = leoscope_core::model::Job {
        id: spec.id.expect("id"),
        owner: run.owner.clone(),
        node: spec.node.clone(),
        server: Some(NodeId::parse("server").expect("id")),
        schedule: spec.schedule,
        window,
        length: spec.length,
        overhead: true,
        trigger: Some("sat.elevation > 40".into()),
        config: spec.config,
        params: spec.params,
        policies: Policies {
            max_runs: std::num::NonZeroU32::new(3),
            align: Some("slot+3".to_owned().try_into().expect("offset")),
            hold: Some(Hold::default()),
            ..Policies::default()
        },
        shift: SignedDuration::ZERO,
        created: at,
        since: at,
        deleted: Some(at),
    };
    let text = || Some("text".to_owned());
    let sha256 = Checksum::from_bytes([7; 32]);
    Manifest {
        format_version: Manifest::VERSION,
        software: Software { name: "leoscope-node".into(), version: text() },
        runtime: Software::new("docker", "1"),
        job,
        config_source: Some(ConfigSource::BlobStorage),
        run: ManifestRun {
            id: run.id.clone(),
            node: run.node.clone(),
            planned: run.planned,
            started: run.started,
            ended: run.ended,
            lateness_ms: Some(-0.5),
            exit_code: Some(1),
            facts: RunFacts {
                start: Some(StartMode::Armed),
                image: text(),
                clock_offset_us: Some(-1),
                trigger: None,
            },
            outcome: Some(ManifestOutcome {
                status: RunStatus::Failed,
                stage: Stage::Execute,
                reason: "LOST".into(),
                message: String::new(),
            }),
        },
        phases: vec![PhaseTime { phase: leoscope_core::model::Phase::Deploy, start: at, duration_us: 1 }],
        slot: Slots::of(&run),
        node: Some(NodeFacts {
            id: run.node.clone(),
            name: text(),
            coordinates: Some(Position { latitude: 1.0, longitude: -2.5 }),
            location: text(),
            provider: text(),
            public_address: text(),
            operating_system: text(),
            kernel: text(),
            architecture: text(),
            congestion_control: leoscope_core::model::CongestionControl::parse("bbr"),
        }),
        clock: Some(ClockReading { offset_us: 1, uncertainty_us: 2, source: ClockSource::Ntpd, at }),
        trigger: Some(TriggerFacts {
            text: "x".into(),
            verdict: text(),
            at: Some(at),
            why: text(),
            readings: [Read::Flag(true), Read::Number(0.5), Read::text("a")]
                .map(|value| Reading {
                    field: "dish.state".into(),
                    value: Some(value),
                    unit: text(),
                    source: text(),
                    at: Some(at),
                    counts_for_s: None,
                })
                .to_vec(),
        }),
        dish: Some(DishFacts {
            at,
            id_hash: text(),
            hardware: text(),
            software: text(),
            uptime_s: Some(1),
            obstruction_fraction: Some(0.25),
            azimuth_deg: Some(-10.0),
            elevation_deg: Some(70.0),
            alerts: vec!["roaming".into()],
        }),
        weather: Some(WeatherFacts {
            provider: "someone".into(),
            at,
            condition: text(),
            temperature_c: Some(-3.5),
            pressure_hpa: Some(1013.0),
            humidity_percent: Some(50.0),
            clouds_percent: Some(10.0),
            rain_1h_mm: Some(0.0),
            snow_1h_mm: Some(0.1),
            wind_speed_m_s: Some(3.0),
            wind_direction_deg: Some(270.0),
        }),
        elements: Some(ElementSet {
            sha256,
            epoch: at,
            source: text(),
            fetched: Some(at),
            satellites: Some(10_000),
        }),
        files: vec![PackedFile {
            path: "a".into(),
            raw_path: text(),
            size: 1,
            sha256,
            renamed_from: text(),
            padded_from: Some(0),
        }],
        left_out: WhyLeftOut::ALL
            .map(|why| LeftOut { path: "b".into(), raw_path: text(), why: Some(why), detail: text() })
            .to_vec(),
    }
}

/// Adds the name of each field in `value`, and lists those that are not in `schema`, where `root` is
/// the whole of that.
fn compare(
    at: &str,
    value: &Value,
    schema: &Value,
    root: &Value,
    names: &mut BTreeSet<String>,
) -> Vec<String> {
    let schema = match schema["$ref"].as_str() {
        Some(reference) => &root["$defs"][reference.rsplit('/').next().expect("a name")],
        None => schema,
    };
    // The schedule has two forms, of which one is a text.
    let schema = if schema["oneOf"].is_array() { &schema["oneOf"][1] } else { schema };
    match value {
        Value::Object(fields) => {
            let mut unknown = Vec::new();
            for (name, field) in fields {
                names.insert(name.clone());
                let at = format!("{at}.{name}");
                match schema["properties"].get(name) {
                    Some(known) => unknown.extend(compare(&at, field, known, root, names)),
                    None => unknown.push(at),
                }
            }
            let known = schema["properties"].as_object().into_iter().flatten();
            let absent = known.filter(|(name, _)| !fields.contains_key(*name));
            unknown.extend(absent.map(|(name, _)| format!("{at}.{name} is in the schema alone")));
            unknown
        }
        Value::Array(items) => {
            items.iter().flat_map(|item| compare(at, item, &schema["items"], root, names)).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

#[test]
fn the_schema_and_the_documentation_have_every_field_and_no_other() {
    let whole = serde_json::to_value(everything()).expect("json");
    assert_eq!(manifest::faults(&whole), Vec::<String>::new());
    assert_eq!(serde_json::from_value::<Manifest>(whole.clone()).expect("manifest"), everything());
    let schema = manifest::schema();
    let mut names = BTreeSet::new();
    assert_eq!(compare("", &whole, &schema, &schema, &mut names), Vec::<String>::new());
    let missing: Vec<&String> = names.iter().filter(|name| !DOCS.contains(&format!("`{name}`"))).collect();
    assert_eq!(missing, Vec::<&String>::new(), "each has a line in docs/bundle.md");
}

#[test]
fn the_schema_knows_every_name_and_refuses_what_is_wrong() {
    let whole = serde_json::to_value(everything()).expect("json");
    let with = |pointer: &str, value: Value| {
        let mut changed = whole.clone();
        *changed.pointer_mut(pointer).expect(pointer) = value;
        manifest::faults(&changed)
    };
    for stage in Stage::ALL {
        assert_eq!(with("/run/outcome/stage", stage.name().into()), Vec::<String>::new());
    }
    for status in RunStatus::ALL.iter().filter(|status| status.is_terminal()) {
        assert_eq!(with("/run/outcome/status", status.name().into()), Vec::<String>::new());
    }
    for reason in Reason::ALL {
        assert_eq!(with("/run/outcome/reason", reason.name().into()), Vec::<String>::new());
    }
    for source in ClockSource::ALL {
        assert_eq!(with("/clock/source", source.name().into()), Vec::<String>::new());
    }
    for (pointer, wrong) in [
        ("/format_version", json!(1)),
        ("/software", json!({})),
        ("/config_source", json!("ELSEWHERE")),
        ("/job/length", json!(0)),
        ("/job/schedule", json!("sometimes")),
        ("/job/server", json!(null)),
        ("/run/started", json!("2026-12-01 00:00")),
        ("/run/planned", json!({"start": "2026-12-01T00:00:00Z"})),
        ("/run/exit_code", json!("0")),
        ("/run/outcome/status", json!("RUNNING")),
        ("/run/outcome/reason", json!("lost")),
        ("/phases/0/phase", json!("WAIT")),
        ("/phases/0/duration_us", json!(0.5)),
        ("/slot/start/index", json!(1.5)),
        ("/node/coordinates/latitude", json!(91)),
        ("/node/public_address", json!("")),
        ("/clock/uncertainty_us", json!(-1)),
        ("/trigger/readings/0/value", json!([])),
        ("/dish/obstruction_fraction", json!(1.1)),
        ("/weather/humidity_percent", json!(-1)),
        ("/elements/sha256", json!("00")),
        ("/files/0/size", json!(-1)),
        ("/left_out/0", json!("link")),
        ("/left_out/0/why", json!("OTHER")),
    ] {
        assert_ne!(with(pointer, wrong.clone()), Vec::<String>::new(), "{pointer} as {wrong}");
    }
    for field in ["format_version", "job", "run", "phases", "node", "files", "left_out"] {
        let mut less = whole.clone();
        less.as_object_mut().expect("object").remove(field);
        assert_ne!(manifest::faults(&less), Vec::<String>::new(), "without {field}");
    }
    let mut newer = whole.clone();
    newer["more"] = json!(1);
    assert_eq!(manifest::faults(&newer), Vec::<String>::new(), "later programs add fields");
}
