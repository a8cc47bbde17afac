//! An orchestrator whose artifact store hands out bundles as badly as a test wants.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::stream;

use super::super::Outcome;
use super::super::*;
use crate::backends::clock::SystemClock;
use crate::backends::store::MemoryStore;
use crate::control::{Service, Session};
use crate::error::Error;
use crate::ids::{JobId, NodeId, UserId};
use crate::model::*;
use crate::ports::*;
use crate::schedule::{Policies, Schedule};
use crate::time::{SignedDuration, Timestamp, Window, parse_time};

/// How one answer of the store goes wrong.
#[derive(Debug, Clone)]
pub(super) enum Fault {
    /// It gives nothing but this.
    Refuse(Error),
    /// It breaks after so many bytes.
    Break(usize),
    /// It ends after so many bytes as if that was all.
    End(usize),
    /// So many bytes, then no more, for ever.
    Hang(usize),
}

#[derive(Debug, Default)]
pub(super) struct Shelf {
    pub(super) bundles: Mutex<HashMap<RunId, Bytes>>,
    /// The faults of the next answers.
    pub(super) faults: Mutex<VecDeque<Fault>>,
    /// The run and the byte from which on each answer was.
    pub(super) asked: Mutex<Vec<(RunId, u64)>>,
    /// Whether the store gives links.
    pub(super) links: bool,
    /// The most that were open at the same time.
    pub(super) open: Arc<(Mutex<usize>, Mutex<usize>)>,
}

/// Counts what is open.
struct Open(Arc<(Mutex<usize>, Mutex<usize>)>);

impl Open {
    fn new(of: &Arc<(Mutex<usize>, Mutex<usize>)>) -> Self {
        let mut now = of.0.lock().expect("open");
        *now += 1;
        let mut most = of.1.lock().expect("most");
        *most = (*most).max(*now);
        Self(Arc::clone(of))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        *self.0.0.lock().expect("open") -= 1;
    }
}

impl Shelf {
    fn answer(&self, run: &RunId, from: u64) -> Result<ByteStream> {
        self.asked.lock().expect("asked").push((run.clone(), from));
        let bundle = self.bundles.lock().expect("bundles").get(run).cloned();
        let bundle = bundle.ok_or_else(|| Error::not_found("no such bundle"))?;
        let fault = self.faults.lock().expect("faults").pop_front();
        let rest = bundle.slice(usize::try_from(from).expect("size").min(bundle.len())..);
        let pieces = |rest: Bytes| -> Vec<Result<Bytes>> {
            rest.chunks(7000).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect()
        };
        let cut = |length: usize| pieces(rest.slice(..length.min(rest.len())));
        let open = Open::new(&self.open);
        let all = match fault {
            Some(Fault::Refuse(error)) => return Err(error),
            Some(Fault::Break(length)) => {
                let mut all = cut(length);
                all.push(Err(Error::unavailable("the connection broke")));
                all
            }
            Some(Fault::End(length)) => cut(length),
            Some(Fault::Hang(length)) => {
                return Ok(Box::pin(stream::iter(cut(length)).chain(stream::pending())));
            }
            None => pieces(rest),
        };
        let all = stream::iter(all).then(move |piece| {
            let _ = &open;
            // So that others have their turn.
            async {
                tokio::task::yield_now().await;
                piece
            }
        });
        Ok(Box::pin(all))
    }
}

fn unused<T>() -> Result<T> {
    Err(Error::internal("not used here"))
}

#[async_trait]
impl ArtifactStore for Shelf {
    fn place(&self, key: &ArtifactKey) -> String {
        if self.links { format!("https://store.example.org/{key}") } else { format!("leoscope:{key}") }
    }
    async fn put(&self, _: &ArtifactKey, _: ByteStream) -> Result<u64> {
        unused()
    }
    async fn get(&self, key: &ArtifactKey, from: u64) -> Result<ByteStream> {
        self.answer(&key.run, from)
    }
    async fn size(&self, _: &ArtifactKey) -> Result<Option<u64>> {
        unused()
    }
    async fn list(&self) -> Result<BundleStream> {
        unused()
    }
    async fn delete(&self, _: &ArtifactKey) -> Result<()> {
        unused()
    }
    async fn staged(&self, _: &ArtifactKey, _: &BundleFacts) -> Result<u64> {
        unused()
    }
    async fn append(&self, _: &ArtifactKey, _: &BundleFacts, _: u64, _: ByteStream) -> Result<u64> {
        unused()
    }
    async fn commit(&self, _: &ArtifactKey, _: &BundleFacts) -> Result<()> {
        unused()
    }
    fn link(&self, key: &ArtifactKey, _: Timestamp, _: Timestamp) -> Option<Secret> {
        self.links.then(|| Secret::new(format!("https://store.example.org/{key}?sig=s3cret")))
    }
    fn upload_link(&self, _: &ArtifactKey, _: Timestamp, _: Timestamp) -> Option<Secret> {
        None
    }
    async fn experiment_file(&self, _: &NodeId, _: &JobId, _: ExperimentFile) -> Result<Option<String>> {
        unused()
    }
}

#[async_trait]
impl BlobStorage for Shelf {
    fn open(&self, _: &BlobSettings) -> Result<Arc<dyn ArtifactStore>> {
        unused()
    }
    fn upload(&self, _: &Secret, _: &BundleFacts) -> Result<Box<dyn BlockUpload>> {
        unused()
    }
    async fn fetch(&self, link: &Secret, from: u64) -> Result<ByteStream> {
        let name = link.expose().strip_prefix("https://store.example.org/").expect("a link of ours");
        let key = ArtifactKey::from_name(name.strip_suffix("?sig=s3cret").expect("with a permission"));
        self.answer(&key.expect("key").run, from)
    }
}

pub(super) struct World {
    pub(super) shelf: Arc<Shelf>,
    pub(super) store: Arc<MemoryStore>,
    pub(super) admin: Session,
    pub(super) dir: tempfile::TempDir,
}

pub(super) fn at(text: &str) -> Timestamp {
    parse_time(text).expect("time")
}

/// Runs start a minute after each other.
pub(super) fn run(number: u32) -> Run {
    let start = at("2026-12-01T00:00:00") + SignedDuration::from_mins(i64::from(number));
    let planned = Window::lasting(start, SignedDuration::from_secs(60)).expect("window");
    let id = RunId::parse(&format!("r{number}")).expect("id");
    let (job, node) = (JobId::parse("exp").expect("id"), NodeId::parse("n").expect("id"));
    let mut run = Run::planned(id, job, node, UserId::parse("me").expect("id"), planned);
    run.status = RunStatus::Completed;
    run
}

pub(super) fn facts(bytes: &[u8]) -> BundleFacts {
    use sha2::{Digest as _, Sha256};
    BundleFacts { size: bytes.len() as u64, sha256: Checksum::from_bytes(Sha256::digest(bytes).into()) }
}

/// A bundle with one file of this content, which shrinks little.
pub(super) fn bundle(content: &[u8]) -> Bytes {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::none()));
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, "data.bin", content).expect("append");
    tar.into_inner().expect("tar").finish().expect("gzip").into()
}

impl World {
    pub(super) async fn new(links: bool) -> Self {
        let shelf = Arc::new(Shelf { links, ..Shelf::default() });
        let store = Arc::new(MemoryStore::default());
        let artifacts: Arc<dyn ArtifactStore> = shelf.clone();
        let service = Service::new(store.clone(), artifacts, Arc::new(SystemClock));
        let admin = service.session(Caller { id: UserId::parse("admin").expect("id"), role: Role::Admin });
        let node = NodeId::parse("n").expect("id");
        admin.register_node(node.clone(), NodeUpdate::default()).await.expect("node");
        let start = at("2099-12-01T00:00:00");
        let spec = JobSpec {
            id: Some(JobId::parse("exp").expect("id")),
            node,
            server: None,
            schedule: Schedule::Once,
            window: Window::lasting(start, SignedDuration::from_secs(60)).expect("window"),
            length: RunLength::from_secs(60).expect("length"),
            overhead: true,
            trigger: None,
            config: "docker: {image: a}".into(),
            params: JobParams::default(),
            policies: Policies::default(),
        };
        admin.schedule_job(spec).await.expect("job");
        Self { shelf, store, admin, dir: tempfile::tempdir().expect("directory") }
    }

    /// Stores a run with this bundle, whose facts are noted or not.
    pub(super) async fn with_run(&self, number: u32, bytes: &Bytes, noted: bool) -> Run {
        let mut run = run(number);
        let key = ArtifactKey { node: run.node.clone(), job: run.job.clone(), run: run.id.clone() };
        run.artifact = Some(self.shelf.place(&key));
        let stored = at("2026-12-02T00:00:00");
        run.bundle = noted.then(|| BundleRecord { facts: facts(bytes), stored, removed: None });
        let seen = self.store.run(&run.id).await.expect("store").map(|(_, revision)| revision);
        self.store.put_run(&run, seen).await.expect("store");
        self.shelf.bundles.lock().expect("bundles").insert(run.id.clone(), bytes.clone());
        // As readers are told it.
        if self.shelf.links {
            run.artifact = run.artifact.map(|place| format!("{place}?sig=s3cret"));
        }
        run
    }

    pub(super) fn fail(&self, faults: impl IntoIterator<Item = Fault>) {
        self.shelf.faults.lock().expect("faults").extend(faults);
    }

    pub(super) fn asked(&self) -> Vec<u64> {
        let asked = std::mem::take(&mut *self.shelf.asked.lock().expect("asked"));
        asked.into_iter().map(|(_, from)| from).collect()
    }

    pub(super) async fn fetch(&self, runs: &[Run], options: Options) -> Vec<Outcome> {
        let plan = Plan::make(runs.to_vec(), self.dir.path());
        let blob: &dyn BlobStorage = &*self.shelf;
        let fetcher = Fetcher::new(&self.admin, Some(blob), options, &());
        fetcher.fetch(&plan).await.expect("there is room")
    }

    /// What becomes of one run.
    pub(super) async fn get(&self, run: &Run) -> State {
        self.fetch(std::slice::from_ref(run), Options::default()).await.remove(0).state
    }

    /// The files below the directory, sorted.
    pub(super) fn files(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut todo = vec![self.dir.path().to_owned()];
        while let Some(next) = todo.pop() {
            for entry in std::fs::read_dir(next).expect("list") {
                let path = entry.expect("entry").path();
                if path.is_dir() {
                    todo.push(path);
                } else {
                    found.push(path.strip_prefix(self.dir.path()).expect("below").display().to_string());
                }
            }
        }
        found.sort();
        found
    }
}
