//! What lists look like to programs.

use std::fs;
use std::path::Path;

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::lab::Lab;

/// Commands that list, by the name under which docs/cli.schema.json has what they print.
const LISTS: [(&str, &str); 17] = [
    ("job get", "leoscope job get"),
    ("job slots", "leoscope job slots --nodeid=NODE --length=60"),
    ("job calendar", "leoscope job calendar --nodeid=NODE --from=2099-01-01 --days=1"),
    ("run get", "leoscope run get"),
    ("run get", "leoscope run get --runid=RUN --links"),
    ("run timeline", "leoscope run timeline --runid=RUN"),
    (
        "run get-scheduled",
        "leoscope run get-scheduled --nodeid=NODE --time-range=2099-01-01T00:00:00,2099-01-01T01:00:00",
    ),
    ("run stats", "leoscope run stats"),
    ("node get", "leoscope node get"),
    ("node map", "leoscope node map"),
    ("node status", "leoscope node status"),
    ("trigger fields", "leoscope trigger fields"),
    (
        "orbit visible",
        "leoscope orbit visible --site=47.6,-122.3 --elements=sky.csv --at=2026-12-01T00:00:00",
    ),
    (
        "orbit passes",
        "leoscope orbit passes --site=47.6,-122.3 --elements=sky.csv --at=2026-12-01T00:00:00 --horizon=1h",
    ),
    ("profile list", "leoscope profile list"),
    ("user get", "leoscope user get"),
    ("audit", "admin: leoscope audit"),
];

fn schema(command: &str) -> Validator {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/cli.schema.json");
    let all: Value = serde_json::from_str(&fs::read_to_string(path).expect("schema")).expect("JSON");
    let one = all["properties"][command].clone();
    assert!(one.is_object(), "{command} is not in docs/cli.schema.json");
    jsonschema::validator_for(&json!({ "allOf": [one], "$defs": all["$defs"] })).expect("schema")
}

#[test]
fn lists_are_json_as_it_is_documented_in_every_form() {
    let lab = Lab::start("process");
    let config = lab.write("experiment.yaml", "process: {command: [\"/bin/true\"]}\n");
    lab.schedule_with("done", "process: {command: [\"/bin/true\"]}\n", 4, 5, &["--trigger=time.hour >= 0"]);
    let run = lab.completed("done");
    let setup = format!(
        "leoscope job schedule --nodeid={} --jobid=often --exp-config={config} --schedule='*/5 * * * *' --start-date=2099-01-01T00:00:00 --end-date=+1d --length=60 && \
         leoscope login --profile=campus && leoscope orbit walker --name=TEST --altitude=550 --inclination=53 --planes=24 --per-plane=22 --epoch=2026-12-01T00:00:00 > sky.csv",
        lab.node_id
    );
    let shown = lab.show(&setup, false);
    assert_eq!(shown.code, 0, "{shown:?}");
    for (name, line) in LISTS {
        let (admin, line) = line.strip_prefix("admin: ").map_or((false, line), |line| (true, line));
        let line = line.replace("NODE", &lab.node_id).replace("RUN", &run);
        let shown = lab.show(&format!("set -o pipefail; {line} --output=json | python3 -m json.tool"), admin);
        assert_eq!(shown.code, 0, "{line}: {shown:?}");
        let printed: Value = serde_json::from_str(&shown.stdout).expect("JSON");
        assert!(printed.as_array().is_none_or(|list| !list.is_empty()), "{line} lists nothing");
        let faults: Vec<String> = schema(name)
            .iter_errors(&printed)
            .map(|fault| format!("{fault} at {}", fault.instance_path()))
            .collect();
        assert!(faults.is_empty(), "{line}: {faults:#?}");
        let records = printed.as_array().map_or(1, Vec::len);

        let lines = lab.show(&format!("{line} --output=jsonl"), admin).stdout;
        assert!(lines.lines().all(|line| serde_json::from_str::<Value>(line).is_ok_and(|v| v.is_object())));
        let yaml = "import json, sys; print(len(sys.stdin.read()) > 0)";
        let yaml = lab.show(&format!("{line} --output=yaml | python3 -c '{yaml}'"), admin);
        assert_eq!(yaml.stdout.trim(), "True", "{line}");
        let csv = "import csv, sys; print(len(list(csv.DictReader(sys.stdin))))";
        let csv = lab.show(&format!("{line} --output=csv | python3 -c '{csv}'"), admin);
        // What goes on meanwhile may add to it.
        let rows: usize = csv.stdout.trim().parse().expect("a number of rows");
        assert!(rows >= records && lines.lines().count() >= records, "{line}: {rows} of {records}");
    }
}
