//! How fast results get away: packing 1 GB and uploading the bundle to Azurite on this machine, beside a
//! plain block upload of the same bytes, and the memory that takes.
//!
//! `LEOSCOPE_TEST_AZURITE` names the server. What is measured runs in processes of their own, so that the
//! peaks are theirs. The plain upload does as Azure's own tools do: blocks of 8 MiB, four at once.

use std::fs::File;
use std::io::{BufWriter, Read as _, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use leoscope_core::backends::artifacts::AzureStorage;
use leoscope_core::bundle::{Contents, pack};
use leoscope_core::model::{ArtifactKey, BundleFacts, Secret};
use leoscope_core::ports::{ArtifactStore, BlobStorage as _, BlockUpload};
use leoscope_core::time::{SignedDuration, Timestamp};
use leoscope_tests::azurite::Azurite;

/// The size of the results.
const RESULTS: u64 = 1 << 30;

/// The blocks of our upload, and how many are on their way at once.
const BLOCK: u64 = 4 << 20;
const AT_ONCE: usize = 4;

/// The same of the plain upload.
const PLAIN_BLOCK: u64 = 8 << 20;
const PLAIN_AT_ONCE: usize = 4;

/// What tells a process where its upload goes.
const LINK: &str = "LEOSCOPE_BENCH_LINK";

/// Of each, the fastest of so many counts: the machine is shared.
const ROUNDS: usize = 3;

#[expect(clippy::print_stdout, reason = "its figures are what it is for")]
fn say(line: &str) {
    println!("{line}");
}

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        [_, "child", task, path] => child(task, Path::new(path), &std::env::var(LINK).expect("link")),
        _ => compare(),
    }
}

fn compare() {
    let scratch = tempfile::tempdir().expect("directory");
    let Some(azurite) = Azurite::start(&scratch.path().join("azurite")) else { return };
    for (name, write) in [("ping logs", write_pings as fn(&Path)), ("incompressible", write_noise)] {
        let results = scratch.path().join("results");
        std::fs::create_dir(&results).expect("directory");
        write(&results);
        measure(name, scratch.path(), &results, &azurite);
        std::fs::remove_dir_all(&results).expect("remove");
    }
}

fn measure(name: &str, scratch: &Path, results: &Path, azurite: &Azurite) {
    let settings = azurite.settings("bench");
    let runtime = tokio::runtime::Runtime::new().expect("runtime");
    let store = AzureStorage::new().expect("storage").open(&settings).expect("store");
    let key = ArtifactKey::from_name("node-1/job-1/run-1.tar.gz").expect("key");
    let link = link(&*store, &key);
    // Also makes the container.
    runtime.block_on(store.delete(&key)).expect("delete");
    let bundle = scratch.join("bundle.tar.gz");
    let run = |task: &str, path: &Path| {
        let rounds = (0..ROUNDS).map(|_| {
            let outcome = child_process(task, path, link.expose());
            runtime.block_on(store.delete(&key)).expect("delete");
            outcome
        });
        rounds.min_by(|a, b| a.time.cmp(&b.time)).expect("a round")
    };
    let idle = run("idle", results);
    let packed = run("pack", results);
    let size = std::fs::metadata(&bundle).expect("bundle").len();
    let ours = run("upload", &bundle);
    let plain = run("plain", &bundle);
    // The same bytes as they were before they were packed, in one file.
    let raw = results.join("results.log");
    let plain_raw = run("plain", &raw);
    let both = packed.time + ours.time;

    say(&format!("{name}: {} of results, a bundle of {}", megabytes(RESULTS), megabytes(size)));
    say(&format!("  pack                           {}", packed.line(RESULTS, &idle)));
    say(&format!("  upload of the bundle           {}", ours.line(size, &idle)));
    say(&format!("  plain upload of the bundle     {}", plain.line(size, &idle)));
    say(&format!("  plain upload of the results    {}", plain_raw.line(RESULTS, &idle)));
    let ratio = |a: Duration, b: Duration| a.as_secs_f64() / b.as_secs_f64();
    say(&format!(
        "  upload of the bundle reaches {:.2} of the plain upload of it",
        ratio(plain.time, ours.time)
    ));
    say(&format!(
        "  pack and upload take {:.1} s: {:.2} of the throughput of the plain upload of the results",
        both.as_secs_f64(),
        ratio(plain_raw.time, both)
    ));
}

fn link(store: &dyn ArtifactStore, key: &ArtifactKey) -> Secret {
    let now = Timestamp::now();
    let expires = now.checked_add(SignedDuration::from_hours(1)).expect("time");
    store.upload_link(key, now, expires).expect("link")
}

/// How long something took, and the most memory that its process had meanwhile.
struct Outcome {
    time: Duration,
    peak: u64,
}

impl Outcome {
    fn line(&self, size: u64, idle: &Self) -> String {
        let seconds = self.time.as_secs_f64();
        let rate = size as f64 / 1e6 / seconds;
        let above = self.peak.saturating_sub(idle.peak);
        format!("{seconds:6.2} s {rate:7.0} MB/s, {} above idle", megabytes(above))
    }
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

fn child_process(task: &str, path: &Path, link: &str) -> Outcome {
    let program = std::env::current_exe().expect("program");
    let output = Command::new(program).args(["child", task]).arg(path).env(LINK, link).output().expect("run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("text");
    let mut numbers = text.split_whitespace().map(|number| number.parse::<u64>().expect("a number"));
    let time = Duration::from_micros(numbers.next().expect("time"));
    Outcome { time, peak: numbers.next().expect("peak") }
}

fn child(task: &str, path: &Path, link: &str) {
    let runtime = tokio::runtime::Runtime::new().expect("runtime");
    // What every process that uploads has.
    let storage = AzureStorage::new().expect("storage");
    let bundle = || facts(path);
    let time = match task {
        "idle" => Duration::ZERO,
        "pack" => {
            let contents = Contents {
                results: path.to_owned(),
                files: Vec::new(),
                manifest: leoscope_tests::manifest::sample(),
            };
            let begun = Instant::now();
            pack(&contents, &path.with_file_name("bundle.tar.gz")).expect("pack");
            begun.elapsed()
        }
        "upload" => {
            // The node knows them since it has packed.
            let bundle = bundle();
            let upload = storage.upload(&Secret::new(link), &bundle).expect("upload");
            let file = File::open(path).expect("bundle");
            let begun = Instant::now();
            runtime.block_on(ours(&*upload, &Arc::new(file), bundle.size));
            begun.elapsed()
        }
        "plain" => {
            let file = File::open(path).expect("bundle");
            let begun = Instant::now();
            runtime.block_on(plain(link, &Arc::new(file)));
            begun.elapsed()
        }
        other => panic!("{other} is no task"),
    };
    say(&format!("{} {}", time.as_micros(), peak()));
}

async fn ours(upload: &dyn BlockUpload, file: &Arc<File>, size: u64) {
    let from = upload.staged().await.expect("staged");
    let stages = stream::iter((from..size).step_by(BLOCK as usize)).map(|from| async move {
        let block = read(file, from, BLOCK.min(size - from)).await;
        upload.stage(from, block).await
    });
    stages.buffer_unordered(AT_ONCE).try_collect::<()>().await.expect("stage");
    upload.commit().await.expect("commit");
}

/// Uploads a file and does nothing else: no names that mean something, no looking for what is there.
async fn plain(link: &str, file: &Arc<File>) {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build(connector);
    let size = file.metadata().expect("size").len();
    let put = |query: String, body: Bytes| {
        let request = Request::builder()
            .method(Method::PUT)
            .uri(format!("{link}&{query}"))
            .header("x-ms-version", "2020-12-06")
            .body(Full::new(body))
            .expect("request");
        let answer = client.request(request);
        async move {
            let answer = answer.await.expect("answer");
            assert_eq!(answer.status().as_u16(), 201);
            answer.into_body().collect().await.expect("body");
        }
    };
    // Eight digits are base64 as they are.
    let starts = (0..size).step_by(PLAIN_BLOCK as usize).enumerate();
    let blocks = stream::iter(starts).map(|(number, from)| {
        let put = &put;
        async move {
            let block = read(file, from, PLAIN_BLOCK.min(size - from)).await;
            put(format!("comp=block&blockid={number:08}"), block).await;
        }
    });
    blocks.buffer_unordered(PLAIN_AT_ONCE).collect::<()>().await;
    let ids: String =
        (0..size.div_ceil(PLAIN_BLOCK)).map(|number| format!("<Latest>{number:08}</Latest>")).collect();
    put("comp=blocklist".to_owned(), Bytes::from(format!("<BlockList>{ids}</BlockList>"))).await;
}

async fn read(file: &Arc<File>, from: u64, length: u64) -> Bytes {
    let file = Arc::clone(file);
    let read = tokio::task::spawn_blocking(move || {
        let mut block = vec![0; usize::try_from(length).expect("a block")];
        file.read_exact_at(&mut block, from).expect("read");
        Bytes::from(block)
    });
    read.await.expect("read")
}

/// What identifies the file at `path`, read piece by piece.
fn facts(path: &Path) -> BundleFacts {
    use leoscope_core::model::Checksum;
    use sha2::{Digest as _, Sha256};
    let (mut file, mut hash, mut size) = (File::open(path).expect("bundle"), Sha256::new(), 0);
    let mut buffer = vec![0; 256 << 10];
    loop {
        let count = file.read(&mut buffer).expect("read");
        if count == 0 {
            return BundleFacts { size, sha256: Checksum::from_bytes(hash.finalize().into()) };
        }
        hash.update(&buffer[..count]);
        size += count as u64;
    }
}

/// The most memory that this process has had, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("VmHWM");
    line.trim().strip_suffix(" kB").expect("kB").parse::<u64>().expect("a number") << 10
}

fn create(results: &Path) -> BufWriter<File> {
    BufWriter::with_capacity(1 << 20, File::create(results.join("results.log")).expect("results"))
}

/// What ping writes, line after line, with times that differ.
fn write_pings(results: &Path) {
    let mut file = create(results);
    let (mut written, mut noise) = (0, Noise(1));
    for sequence in 1_u64.. {
        let random = noise.next();
        let (whole, part, stamp) =
            (25 + random % 60, (random >> 16) % 10, 1_764_547_200_u64 + sequence / 100);
        let line = format!(
            "[{stamp}.{:06}] 64 bytes from 198.51.100.7: icmp_seq={sequence} ttl=52 time={whole}.{part} ms\n",
            (random >> 32) % 1_000_000
        );
        let line =
            &line.as_bytes()[..line.len().min(usize::try_from(RESULTS - written).unwrap_or(usize::MAX))];
        file.write_all(line).expect("write");
        written += line.len() as u64;
        if written == RESULTS {
            break;
        }
    }
    file.into_inner().expect("write").sync_all().expect("write");
}

fn write_noise(results: &Path) {
    let (mut file, mut noise) = (create(results), Noise(2));
    for _ in 0..RESULTS / 8 {
        file.write_all(&noise.next().to_le_bytes()).expect("write");
    }
    file.into_inner().expect("write").sync_all().expect("write");
}

/// SplitMix64: the same numbers in every run.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}
