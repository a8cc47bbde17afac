use super::*;

/// A manifest as version 1 wrote it.
const VERSION_1: &str = r#"{
  "format_version": 1,
  "software": {"name": "leoscope-node", "version": "0.1.0"},
  "runtime": {"name": "process", "version": ""},
  "job": {
    "id": "exp", "owner": "researcher", "node": "node", "server": null, "schedule": "once",
    "window": {"start": "2026-12-01T00:05:00Z", "end": "2026-12-01T00:06:00Z"},
    "length": 60, "overhead": true, "trigger": null, "config": "process: {command: measure}",
    "params": {"mode": "", "deploy": "", "execute": "", "finish": ""},
    "policies": {}, "shift": "PT0S",
    "created": "2026-12-01T00:00:00Z", "since": "2026-12-01T00:00:00Z", "deleted": null
  },
  "run": {
    "id": "0123456789abcdef", "node": "node",
    "planned": {"start": "2026-12-01T00:05:00Z", "end": "2026-12-01T00:06:00Z"},
    "started": "2026-12-01T00:05:00.001Z", "ended": "2026-12-01T00:05:30Z",
    "lateness_ms": 1, "exit_code": 0,
    "facts": {"start": "PLAIN", "image": null, "clock_offset_us": -40},
    "outcome": {"status": "COMPLETED", "stage": "EXECUTE", "reason": "EXPERIMENT_ENDED", "message": "the experiment ended by itself"}
  },
  "clock": null,
  "files": [{"path": "a.txt", "size": 3, "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}],
  "left_out": ["link"]
}"#;

/// A manifest with nothing in it that can be left out.
pub(crate) fn manifest_for_tests() -> Manifest {
    let read: Manifest = serde_json::from_str(VERSION_1).expect("manifest");
    Manifest { format_version: Manifest::VERSION, files: Vec::new(), left_out: Vec::new(), ..read }
}

#[test]
fn manifests_of_version_1_are_read() {
    let read: Manifest = serde_json::from_str(VERSION_1).expect("manifest");
    assert_eq!((read.format_version, read.runtime.version.as_deref()), (1, None));
    assert_eq!((read.run.lateness_ms, read.run.facts.clock_offset_us), (Some(1.0), Some(-40)));
    assert_eq!((read.config_source, read.node, read.slot, read.clock), (None, None, None, None));
    assert_eq!(read.left_out[0].path, "link");
    assert_eq!(read.left_out[0].why, None);
    assert_eq!(read.run.outcome.expect("outcome").reason, "EXPERIMENT_ENDED");
    assert_eq!(read.files[0].size, 3);
}

#[test]
fn newer_manifests_are_read_and_what_is_not_known_is_left_out() {
    let mut newer: serde_json::Value = serde_json::from_str(VERSION_1).expect("json");
    newer["format_version"] = 3.into();
    newer["orbit"] = serde_json::json!({"x": 1});
    newer["run"]["outcome"]["reason"] = "SOLAR_FLARE".into();
    newer["left_out"] = serde_json::json!([{"path": "a", "why": "HAUNTED"}]);
    let read: Manifest = serde_json::from_value(newer).expect("manifest");
    assert_eq!(read.left_out[0].why, Some(WhyLeftOut::Other));
    let text = serde_json::to_string(&read).expect("json");
    assert!(!text.contains("null"), "{text}");
    assert_eq!(serde_json::from_str::<Manifest>(&text).expect("again"), read);
}
