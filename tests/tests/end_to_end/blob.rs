//! Results in Azure Blob storage, and what becomes of them when something breaks on the way.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use leoscope_core::model::Checksum;
use leoscope_tests::azurite::{Azurite, request, signature};
use leoscope_tests::skipped;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::lab::{Lab, Setup, eventually, within};

/// Tells the testbed to keep its results in a container.
fn keep_in(lab: &Lab, azurite: &Azurite, container: &str) {
    let settings = json!({
        "datastore": { "blob": {
            "connectionString": azurite.connection_string().expose(),
            "container": container,
            "artifactPath": "leotest/artifacts",
        } },
        "weather": { "apikey": "" },
    });
    let path = lab.write("global_config.json", &settings.to_string());
    lab.as_admin(&["config", "update", &format!("--path={path}")]);
}

fn sha256(content: &[u8]) -> String {
    Checksum::from_bytes(Sha256::digest(content).into()).to_string()
}

/// The only run of a job as a reader sees it who asks for links.
fn with_link(lab: &Lab, job: &str) -> Value {
    let text = lab.cli_ok(&["run", "get", &format!("--jobid={job}"), "--links", "--output=json"]);
    let mut runs: Vec<Value> = serde_json::from_str(&text).expect("json");
    assert_eq!(runs.len(), 1);
    runs.remove(0)
}

#[test]
fn results_go_to_blob_storage_and_are_read_there_by_links_that_expire() {
    let data = tempfile::tempdir().expect("directory");
    let Some(azurite) = Azurite::start(&data.path().join("azurite")) else { return };
    let lab = Lab::start("process");
    keep_in(&lab, &azurite, "results");
    lab.schedule("plain", "process: {command: 'echo measured > file.txt'}", 2, 5);
    let run = lab.wait_for_run("plain", "to end with its results", |run| run["results"] == true);
    assert_eq!(run["status"], "COMPLETED", "{run:#}");

    // Anybody who has the link can read it, and nothing else; what the orchestrator shows otherwise has none.
    let told = with_link(&lab, "plain");
    let link = told["results_link"].as_str().expect("a link");
    let place = format!(
        "/results/leotest/artifacts/{}/plain/{}.tar.gz?",
        lab.node_id,
        run["id"].as_str().expect("id")
    );
    assert!(link.contains(&place), "{link}");
    let (status, content) = request("GET", link, "", b"");
    assert_eq!(status, 200);
    assert_eq!(Some(sha256(&content).as_str()), run["results_sha256"].as_str());
    assert_eq!(request("DELETE", link, "", b"").0, 403);
    assert_eq!(request("GET", &link.replace("plain", "other"), "", b"").0, 403);
    // Its time cannot be changed, so that it ends is checked by the storage.
    assert_eq!(request("GET", &link.replacen("se=20", "se=21", 1), "", b"").0, 403);
    assert!(!lab.cli_ok(&["run", "get", "--output=json"]).contains("sig="));
    assert_eq!(fs::read_to_string(lab.download("plain").join("file.txt")).expect("file"), "measured\n");

    // As an earlier deployment puts it there: it counts, not what was booked.
    let beside = link.split(&format!("{}.tar.gz", run["id"].as_str().expect("id"))).next().expect("beside");
    let config = format!(
        "{}/experiment-config.yaml?{}",
        beside.trim_end_matches('/').replace("/plain", "/legacy"),
        signature("rwdlc")
    );
    let theirs = "process: {command: 'echo from blob storage > file.txt'}";
    assert_eq!(request("PUT", &config, "x-ms-blob-type: BlockBlob\r\n", theirs.as_bytes()).0, 201);
    let arguments = config.replace("experiment-config.yaml", "experiment-args.json");
    assert_eq!(request("PUT", &arguments, "x-ms-blob-type: BlockBlob\r\n", b"{\"their\": \"own\"}").0, 201);
    lab.schedule("legacy", "process: {command: 'echo as booked > file.txt'}", 2, 5);
    let run = lab.wait_for_run("legacy", "to end with its results", |run| run["results"] == true);
    assert_eq!(run["status"], "COMPLETED", "{run:#}");
    let results = lab.download("legacy");
    let read = |name: &str| fs::read_to_string(results.join(name)).expect(name);
    assert_eq!(read("file.txt"), "from blob storage\n");
    assert_eq!(
        (read("experiment-config.yaml").as_str(), read("experiment-args.json").as_str()),
        (theirs, "{\"their\": \"own\"}")
    );
    let manifest: Value = serde_json::from_str(&read("manifest.json")).expect("manifest");
    assert_eq!(manifest["config_source"], "BLOB_STORAGE");
}

#[test]
fn an_experiment_may_name_a_store_of_its_own_and_its_key_is_shown_nowhere() {
    let data = tempfile::tempdir().expect("directory");
    let Some(azurite) = Azurite::start(&data.path().join("azurite")) else { return };
    let lab = Lab::start("process");
    // The container of a researcher is there; so is that of the testbed.
    for container in ["own", "results"] {
        keep_in(&lab, &azurite, container);
        lab.as_admin(&["run", "get"]);
        let job = format!("makes-{container}");
        lab.schedule(&job, "process: {command: 'true'}", 2, 5);
        lab.wait_for_run(&job, "to end with its results", |run| run["results"] == true);
    }
    let keyed = azurite.connection_string();
    let signed = format!("BlobEndpoint={};SharedAccessSignature={}", azurite.endpoint(), signature("rwdlc"));
    for (job, connection) in [("keyed", keyed.expose()), ("signed", signed.as_str())] {
        let config = format!(
            "process: {{command: 'echo mine > file.txt'}}\ncloud_config: {{connection_string: '{connection}', container: own}}"
        );
        lab.schedule(job, &config, 2, 5);
        let run = lab.wait_for_run(job, "to end with its results", |run| run["results"] == true);
        assert_eq!(run["status"], "COMPLETED", "{run:#}");
        let id = run["id"].as_str().expect("id").to_owned();
        let place = format!("{}/own/{}/{job}/{id}.tar.gz", azurite.endpoint(), lab.node_id);
        let (status, content) = request("GET", &format!("{place}?{}", signature("r")), "", b"");
        assert_eq!(status, 200, "{place}");
        let shown = lab.cli_ok(&["job", "get", &format!("--jobid={job}"), "--output=json"]);
        let secret = connection.rsplit_once(['=']).map_or(connection, |(_, secret)| secret);
        let key =
            connection.split("AccountKey=").nth(1).or(connection.split("sig=").nth(1)).unwrap_or(secret);
        assert!(!shown.contains(key), "{shown}");
        let into = lab.dir.path().join("own").join(job);
        leoscope_core::bundle::unpack(content.as_slice(), &into).expect("unpack");
        for file in ["experiment-config.yaml", "manifest.json", "executor.log"] {
            let text = fs::read_to_string(into.join(file)).expect(file);
            assert!(!text.contains(key), "{file}: {text}");
        }
        if job == "keyed" {
            let results = lab.download(job);
            assert_eq!(fs::read_to_string(results.join("file.txt")).expect("file"), "mine\n");
        } else {
            // The orchestrator calls no address that an experiment names.
            let target = format!("--local-path={}", lab.dir.path().join("signed").display());
            let outcome = lab.cli(&["run", "download", "--jobid=signed", &target]);
            assert!(outcome.stderr.contains("to which this testbed has no key"), "{outcome:?}");
        }
    }
}

/// How many bytes are below a directory.
fn size(dir: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(dir) else { return 0 };
    let of = |entry: fs::DirEntry| {
        let data = entry.metadata().ok();
        data.map_or(0, |data| if data.is_dir() { size(&entry.path()) } else { data.len() })
    };
    entries.flatten().map(of).sum()
}

const LARGE: u64 = 200_000_000;

/// An experiment whose results are 200 MB that no packing makes smaller.
const RANDOM: &str = "process: {command: 'head -c 200000000 /dev/urandom > data.bin'}";

#[test]
fn what_breaks_in_the_middle_of_200_mb_neither_loses_nor_repeats_anything() {
    let data = tempfile::tempdir().expect("directory");
    let files = data.path().join("azurite");
    let Some(mut azurite) = Azurite::start(&files) else { return };
    // Slow enough that the middle can be met: the whole takes eight seconds.
    let executor = "outbox: {rate: 200mbit}";
    let mut lab = Lab::build(Setup { executor, ..Setup::default() });
    keep_in(&lab, &azurite, "results");
    let half_way = |before: u64| {
        eventually("half of the results", || (size(&files) > before + LARGE / 2).then_some(()));
    };
    let arrived = |lab: &Lab, job: &str| {
        let patience = Duration::from_secs(150);
        let run = lab.wait_long_for_run(job, patience, |run| run["results"] == true);
        assert_eq!(run["status"], "COMPLETED", "{run:#}");
        assert_eq!(lab.runs(job).len(), 1, "none twice");
        let (status, content) =
            request("GET", with_link(lab, job)["results_link"].as_str().expect("link"), "", b"");
        assert_eq!(
            (status, sha256(&content)),
            (200, run["results_sha256"].as_str().expect("checksum").to_owned())
        );
        // Each file is compared with its checksum on the way.
        assert_eq!(fs::metadata(lab.download(job).join("data.bin")).expect("data").len(), LARGE);
    };

    lab.schedule("store", RANDOM, 2, 60);
    half_way(size(&files));
    azurite.stop("TERM");
    lab.node.wait_for_log("results not handed over yet");
    azurite.resume();
    arrived(&lab, "store");

    let before = size(&files);
    lab.schedule("node", RANDOM, 2, 60);
    half_way(before);
    lab.node.kill();
    lab.start_node();
    arrived(&lab, "node");
    let sent = size(&files) - before;
    assert!(sent < LARGE * 5 / 4, "what was there was sent again: {sent} bytes for {LARGE}");
    assert_eq!(size(&lab.dir.path().join("node/outbox")), 0, "nothing is kept of what has arrived");
}

#[test]
fn results_that_there_is_no_room_to_pack_arrive_once_there_is() {
    let lab = Lab::start("process");
    // Where the second node keeps everything.
    let dir = lab.dir.path().join("small");
    fs::create_dir(&dir).expect("directory");
    let mount = |options: &str| {
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(&dir);
        command.output().expect("mount")
    };
    let mounted = mount("size=160m");
    if !mounted.status.success() {
        return skipped("mount", &String::from_utf8_lossy(&mounted.stderr));
    }
    let (node, id) = lab.node_beside("small", "process", &[]);
    let id = format!("--nodeid={id}");
    let config = "process: {command: 'head -c 90000000 /dev/urandom > data.bin'}";
    lab.schedule_with("exp", config, 2, 30, &[&id, "--end-date=+1h"]);
    let run = lab.wait_for_run("exp", "to end", |run| run["status"] == "FAILED");
    assert_eq!((&run["reason"], &run["results"]), (&json!("COLLECT_FAILED"), &json!(false)), "{run:#}");
    let grown = mount("remount,size=400m");
    assert!(grown.status.success(), "{grown:?}");
    let run = within(Duration::from_secs(120), "the results", || {
        lab.runs("exp").into_iter().find(|run| run["results"] == true)
    });
    assert_eq!(run["status"], "FAILED", "the record stays as it was: {run:#}");
    assert_eq!(fs::metadata(lab.download("exp").join("data.bin")).expect("data").len(), 90_000_000);
    drop(node);
    let gone = Command::new("umount").arg("-l").arg(&dir).status().expect("umount");
    assert!(gone.success());
}
