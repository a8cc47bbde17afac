//! The journal of a node after the power went: its file is there up to some byte, and what follows is
//! missing or nonsense.
//!
//! SQLite writes every commit behind those before it in its log, each part with a checksum that goes on
//! from the last. So what is read must be exactly the commits that lie wholly before the first byte that
//! was lost: none of a commit in part, none without one before it, and none missing that was whole.

use std::fs;
use std::path::{Path, PathBuf};

use leoscope_core::backends::ledger::SqliteLedger;
use leoscope_core::ids::{JobId, NodeId, RunId, UserId};
use leoscope_core::model::{Job, JobParams, JournalEntry, Orders, Run, RunLength, Step};
use leoscope_core::ports::Ledger;
use leoscope_core::schedule::{Policies, Schedule};
use leoscope_core::time::{SignedDuration, Window, parse_time};

/// A small generator (xorshift), the same at every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// The head of the log, and of each page in it (<https://sqlite.org/fileformat2.html#walformat>).
const LOG_HEAD: usize = 32;
const FRAME: usize = 24 + 4096;

type State = (Option<Orders>, Vec<JournalEntry>);

/// A job whose documents take `size` bytes: long ones take several pages.
fn job(size: usize) -> Job {
    let at = |text| parse_time(text).expect("time");
    Job {
        id: JobId::parse("j").expect("id"),
        owner: UserId::parse("u").expect("id"),
        node: NodeId::parse("n").expect("id"),
        server: None,
        schedule: Schedule::Once,
        window: Window::new(at("2026-12-01T00:00"), at("2026-12-01T01:00")).expect("window"),
        length: RunLength::from_secs(60).expect("length"),
        overhead: true,
        trigger: None,
        config: "x".repeat(size),
        params: JobParams::default(),
        policies: Policies::default(),
        shift: SignedDuration::ZERO,
        created: at("2026-11-30T00:00"),
        since: at("2026-11-30T00:00"),
        deleted: None,
    }
}

fn entry(id: &str, size: usize, step: Step) -> JournalEntry {
    let job = job(size);
    let id = RunId::parse(id).expect("id");
    let run = Run::planned(id, job.id.clone(), job.node.clone(), job.owner.clone(), job.window);
    JournalEntry { step, ..JournalEntry::new(run, job) }
}

fn orders(revision: u64, size: usize) -> Orders {
    let node = NodeId::parse("n").expect("id");
    Orders { node, revision, jobs: vec![job(size); 3], standby: None, clock_offset_us: None, site: None }
}

async fn state(ledger: &SqliteLedger) -> State {
    (ledger.orders().await.expect("orders"), ledger.entries().await.expect("entries"))
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}

/// What a node had written when it was killed.
struct Killed {
    database: Vec<u8>,
    log: Vec<u8>,
    /// What could be read after each commit, and how long the log was then.
    commits: Vec<(usize, State)>,
}

impl Killed {
    async fn after_some_work(dir: &Path) -> Self {
        let path = dir.join("node.db");
        let ledger = SqliteLedger::open(&path).expect("open");
        let length =
            || usize::try_from(fs::metadata(beside(&path, "-wal")).expect("log").len()).expect("small");
        let mut commits = vec![(length(), state(&ledger).await)];
        for round in 0..3 {
            ledger
                .save_orders(&orders(round, 300 + 4_000 * usize::try_from(round).expect("small")))
                .await
                .expect("save");
            commits.push((length(), state(&ledger).await));
            for step in [Step::Planned, Step::Preparing, Step::Starting, Step::Executing, Step::Done] {
                ledger.put(&entry(&format!("r{round}"), 100, step)).await.expect("put");
                commits.push((length(), state(&ledger).await));
            }
            ledger.put(&entry("long", 9_000, Step::Ready)).await.expect("put");
            commits.push((length(), state(&ledger).await));
            ledger.remove(&RunId::parse("long").expect("id")).await.expect("remove");
            commits.push((length(), state(&ledger).await));
        }
        // Copied while the ledger is open: closing it would bring the log into the database.
        let read = |path: &Path| fs::read(path).expect("read");
        Self { database: read(&path), log: read(&beside(&path, "-wal")), commits }
    }

    /// What must be read when everything before byte `lost` of the log is there.
    fn expected(&self, lost: usize) -> State {
        let whole = self.commits.iter().rev().find(|(length, _)| *length <= lost);
        // Before the first commit there is an empty file, and opening it makes the tables.
        whole.map_or((None, Vec::new()), |(_, state)| state.clone())
    }

    async fn check(&self, dir: &Path, lost: usize, log: &[u8], what: &str) {
        let path = dir.join("cut.db");
        for suffix in ["-wal", "-shm"] {
            // There is none before the first.
            let _ = fs::remove_file(beside(&path, suffix));
        }
        fs::write(&path, &self.database).expect("write");
        fs::write(beside(&path, "-wal"), log).expect("write");
        // The index of the log is of no use after a power cut, whatever is in it.
        fs::write(beside(&path, "-shm"), &self.log[..self.log.len().min(32 * 1024)]).expect("write");
        let ledger = SqliteLedger::open(&path).unwrap_or_else(|e| panic!("{what} at byte {lost}: {e}"));
        assert_eq!(state(&ledger).await, self.expected(lost), "{what} at byte {lost}");
        ledger.put(&entry("next", 50, Step::Planned)).await.expect("it goes on");
        let next = ledger.entries().await.expect("entries").into_iter().any(|e| e.run.id.as_str() == "next");
        assert!(next, "{what} at byte {lost}");
    }

    /// Bytes at and around the borders of everything in the log, and some in between.
    fn places(&self, random: &mut Random) -> Vec<usize> {
        let frames = (LOG_HEAD..self.log.len()).step_by(FRAME);
        let borders = frames.flat_map(|start| [start, start + 24]).chain([0, 8, 24, self.log.len()]);
        let mut places: Vec<usize> = borders.flat_map(|at| at.saturating_sub(2)..=at + 2).collect();
        let any = u64::try_from(self.log.len()).expect("small");
        places.extend((0..80).map(|_| usize::try_from(random.next() % any).expect("small")));
        places.retain(|at| *at <= self.log.len());
        places.sort_unstable();
        places.dedup();
        places
    }
}

/// In memory where there is such a place: each of a thousand databases is synced.
fn directory() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let dir = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    dir.expect("directory")
}

#[tokio::test]
async fn a_journal_cut_at_any_byte_gives_the_commits_before_it() {
    let dir = directory();
    let killed = Killed::after_some_work(dir.path()).await;
    let length = killed.log.len();
    assert_eq!((length - LOG_HEAD) % FRAME, 0, "the log is as its description says");
    assert!(killed.commits.windows(2).all(|pair| pair[0].0 < pair[1].0), "each commit is in the log");
    assert_eq!(killed.commits.last().map(|(length, _)| *length), Some(length));
    let mut random = Random(0x5EED);
    for lost in killed.places(&mut random) {
        let kept = &killed.log[..lost];
        killed.check(dir.path(), lost, kept, "cut").await;
        // Some file systems have the length already, but not what was written.
        let zeros = [kept, &vec![0; length - lost]].concat();
        let until = lost + killed.log[lost..].iter().take_while(|byte| **byte == 0).count();
        killed.check(dir.path(), until, &zeros, "zeros").await;
        let mut garbage: Vec<u8> =
            (0..length - lost + 5_000).map(|_| random.next().to_le_bytes()[3]).collect();
        if let (Some(first), Some(written)) = (garbage.first_mut(), killed.log.get(lost)) {
            *first = !written;
        }
        killed.check(dir.path(), lost, &[kept, &garbage].concat(), "garbage").await;
        if lost < length {
            let mut damaged = killed.log.clone();
            damaged[lost] ^= 0x40;
            killed.check(dir.path(), lost, &damaged, "one bit").await;
        }
    }
}
