//! Results on their way to a researcher.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::lab::{Lab, eventually};

const MB: u64 = 1_000_000;

/// A way to the orchestrator that counts what comes back, and stops at a limit.
struct Way {
    port: u16,
    count: Arc<AtomicU64>,
    limit: Arc<AtomicU64>,
}

impl Way {
    fn to(port: u16, limit: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("listen");
        let own = listener.local_addr().expect("address").port();
        let (count, limit) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(limit)));
        let way = Self { port: own, count: Arc::clone(&count), limit: Arc::clone(&limit) };
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let server = TcpStream::connect(("127.0.0.1", port)).expect("orchestrator");
                let (mut up, mut to) =
                    (client.try_clone().expect("clone"), server.try_clone().expect("clone"));
                std::thread::spawn(move || {
                    // Either side may go at any time.
                    let _ = std::io::copy(&mut up, &mut to);
                    let _ = to.shutdown(Shutdown::Both);
                });
                let (count, limit) = (Arc::clone(&count), Arc::clone(&limit));
                std::thread::spawn(move || forward(server, client, &count, &limit));
            }
        });
        way
    }
}

fn forward(mut from: TcpStream, mut to: TcpStream, count: &AtomicU64, limit: &AtomicU64) {
    let mut buffer = [0; 16 << 10];
    while let Ok(length) = from.read(&mut buffer) {
        if length == 0 || to.write_all(&buffer[..length]).is_err() {
            break;
        }
        count.fetch_add(length as u64, Ordering::SeqCst);
        while count.load(Ordering::SeqCst) >= limit.load(Ordering::SeqCst) {
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }
    // Either side may have gone already.
    let _ = to.shutdown(Shutdown::Both);
}

/// The length of the one part below `dir`.
fn part(dir: &Path) -> Option<u64> {
    let mut entries = fs::read_dir(dir).ok()?.flatten();
    let part = entries.find(|entry| entry.path().extension().is_some_and(|end| end == "part"))?;
    Some(part.metadata().ok()?.len())
}

#[test]
fn a_download_killed_in_the_middle_goes_on_where_it_was() {
    let lab = Lab::start("process");
    lab.schedule("exp", "process: {command: 'head -c 30000000 /dev/urandom > noise.bin'}", 2, 10);
    let run = lab.wait_for_run("exp", "to end with its results", |run| run["results"] == true);
    let size = run["results_bytes"].as_u64().expect("size");
    let way = Way::to(lab.port, 15 * MB);
    let target = lab.dir.path().join("fetched");
    let path = format!("--local-path={}", target.display());
    let line = ["run", "download", "--jobid=exp", &path, "--output=json"];
    let mut first = lab.cli_by(way.port, &line).stdout(Stdio::null()).spawn().expect("leoscope");
    eventually("half of it to come", || part(&target).filter(|length| *length >= 10 * MB));
    first.kill().expect("kill");
    first.wait().expect("wait");
    let kept = part(&target).expect("what came stays");
    assert!(!target.join("exp").exists(), "nothing that looks done");

    way.limit.store(u64::MAX, Ordering::SeqCst);
    // What was held back of the first call still goes, to nobody.
    way.count.store(0, Ordering::SeqCst);
    let second = lab.cli_by(way.port, &line).output().expect("leoscope");
    assert!(second.status.success(), "{second:?}");
    let told: Value = serde_json::from_slice(&second.stdout).expect("json");
    assert_eq!((&told[0]["state"], &told[0]["verified"]), (&"fetched".into(), &true.into()), "{told:#}");
    let came = way.count.load(Ordering::SeqCst);
    assert!(came < size - kept + MB, "{came} bytes came of {size}, of which {kept} were here");
    let id = run["id"].as_str().expect("id");
    let file = fs::metadata(target.join("exp").join(id).join("noise.bin")).expect("file");
    assert_eq!(file.len(), 30_000_000);
    assert_eq!(part(&target), None);
    let bars = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(!bars.contains(['\r', '\u{1b}']), "no bars where there is no terminal: {bars}");
}

#[test]
fn the_commands_of_the_documentation_work_as_written() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/experiments.md");
    let docs = fs::read_to_string(docs).expect("docs");
    let section = docs.split("\n## Fetching results\n").nth(1).expect("section");
    let script = section.split("```sh\n").nth(1).and_then(|text| text.split("```").next()).expect("commands");
    let lab = Lab::start("process");
    lab.schedule("exp-001", "process: {command: 'echo here > file.txt'}", 2, 3);
    let run = lab.wait_for_run("exp-001", "to end with its results", |run| run["results"] == true);
    let told = lab.shell(script);
    assert!(told.success, "{told:?}");
    let id = run["id"].as_str().expect("id");
    for file in [format!("results/exp-001/{id}/file.txt"), format!("one/exp-001-{id}.tar.gz")] {
        assert!(lab.dir.path().join(&file).exists(), "{file}: {told:?}");
    }
    for expected in ["to fetch", "there already", "\"verified\": true", "why:", "EXPERIMENT_ENDED", "EXECUTE"]
    {
        assert!(told.stdout.contains(expected), "{expected} is missing in {told:?}");
    }
}
