//! Thirty days of twenty nodes at which everything goes wrong: processes end at every call they make,
//! engines and machines are restarted, links break, the orchestrator dies, answers are lost.
//!
//! Afterwards every planned run has ended, once, as its node says, and nothing is left lying about.

use crate::Meter;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use leoscope_core::agent::{Agent, AgentConfig, Parts};
use leoscope_core::backends::artifacts::DirectoryStore;
use leoscope_core::backends::clock::VirtualClock;
use leoscope_core::backends::launcher::TimerLauncher;
use leoscope_core::backends::ledger::MemoryLedger;
use leoscope_core::backends::runtime::SimulatedRuntime;
use leoscope_core::backends::store::MemoryStore;
use leoscope_core::control::Service;
use leoscope_core::ids::{JobId, NodeId, RunId, UserId};
use leoscope_core::model::{
    Caller, ExecutorConfig, Job, JobChange, JobSpec, NodeUpdate, Role, Run, RunFilter, RunLength, RunStatus,
    Stage,
};
use leoscope_core::ports::{Clock, ControlPlane, Ledger, Runtime};
use leoscope_core::schedule::{CronExpr, Overlap, Policies, Schedule};
use leoscope_core::time::{SignedDuration, Timestamp, Window};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use leoscope_core::backends::sessions::MemorySessions;

use crate::cut::Link;
use crate::faults::{Faults, FaultyLedger, FaultyRuntime, Memory, Moment, Process};
use crate::{Seed, directory, job, start_of_world, work_dir};

const NODES: usize = 20;
const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;
const DAYS: i64 = 30;
/// How long it takes until a node that was silent is given up, and what hangs on it is settled.
const AFTERMATH: i64 = 26 * HOUR;
/// How long an experiment has to end by itself when it is stopped.
const GRACE: Duration = Duration::from_secs(2);
/// How long after the end of its window an experiment may be seen that a working node stops: its grace,
/// and some answers of the engine that are lost meanwhile.
const STOPPED_WITHIN: SignedDuration = SignedDuration::from_secs(15);

/// How long the engine takes at most to start what it is told to start inside the window.
const STARTED_WITHIN: SignedDuration = SignedDuration::from_millis(1_500);

/// Every kind of call at which a process must have ended, before and after its effect.
const CALLS: &[&str] = &[
    "runtime info",
    "runtime prepare",
    "runtime start",
    "runtime wait",
    "runtime stop",
    "runtime state",
    "runtime save_output",
    "runtime remove",
    "runtime list",
    "ledger orders",
    "ledger save_orders",
    "ledger entries",
    "ledger remove",
    "journal Planned",
    "journal Preparing",
    "journal Ready",
    "journal Starting",
    "journal Executing",
    "journal Stopping",
    "journal Collecting",
    "journal Done",
    "journal reported",
    "journal delivered",
    "heartbeat",
    "watch_orders",
    "report_run",
    "begin_upload",
    "upload",
];

/// A place with a node: what of it survives its process.
#[derive(Debug)]
struct Site {
    id: NodeId,
    runtime: SimulatedRuntime,
    ledger: Arc<dyn Ledger>,
    memory: Arc<Memory>,
    cut: watch::Sender<bool>,
    /// When its process or its engine was not there.
    outages: Mutex<Vec<(Timestamp, Timestamp)>>,
}

impl Site {
    fn note_outage(&self, from: Timestamp, to: Timestamp) {
        self.outages.lock().unwrap_or_else(PoisonError::into_inner).push((from, to));
    }

    /// By when an experiment must have ended whose window ends at `end`: a node that is not there, or
    /// whose engine does not answer, cannot stop it.
    fn must_have_ended(&self, end: Timestamp) -> Timestamp {
        let mut outages = self.outages.lock().unwrap_or_else(PoisonError::into_inner).clone();
        outages.sort();
        outages.iter().fold(end + STOPPED_WITHIN, |by, (from, to)| {
            if *from < by && *to > end { by.max(*to + STOPPED_WITHIN) } else { by }
        })
    }
}

/// A definition of a job, and since and until when it was the one that counts.
#[derive(Debug)]
struct Booked {
    job: Job,
    until: Timestamp,
}

#[derive(Debug)]
struct Testbed {
    seed: u64,
    clock: Arc<dyn Clock>,
    store: Arc<MemoryStore>,
    artifacts: Arc<DirectoryStore>,
    /// The orchestrator, while there is one.
    service: watch::Sender<Option<Arc<Service>>>,
    faults: Arc<Faults>,
    sites: Vec<Arc<Site>>,
    booked: Mutex<Vec<Booked>>,
    dir: tempfile::TempDir,
}

impl Testbed {
    async fn new(seed: u64) -> Arc<Self> {
        let dir = directory();
        let clock: Arc<dyn Clock> = Arc::new(VirtualClock::starting_at(start_of_world()));
        let artifacts = Arc::new(DirectoryStore::new(dir.path().join("artifacts")).await.expect("artifacts"));
        let sites = (0..NODES).map(|index| {
            Arc::new(Site {
                id: NodeId::parse(&format!("node-{index}")).expect("id"),
                runtime: SimulatedRuntime::new(Arc::clone(&clock)),
                ledger: Arc::new(MemoryLedger::default()),
                memory: Arc::default(),
                cut: watch::Sender::new(false),
                outages: Mutex::default(),
            })
        });
        let world = Self {
            seed,
            sites: sites.collect(),
            clock,
            store: Arc::default(),
            artifacts,
            service: watch::Sender::new(None),
            faults: Faults::new(seed),
            booked: Mutex::default(),
            dir,
        };
        world.service.send_replace(Some(world.orchestrator()));
        Arc::new(world)
    }

    fn orchestrator(&self) -> Arc<Service> {
        Service::new(self.store.clone(), self.artifacts.clone(), Arc::clone(&self.clock))
    }

    /// The orchestrator as somebody sees it who is never cut off, also while it is down for others.
    fn as_user(&self, id: &str, role: Role) -> Arc<dyn ControlPlane> {
        let service = self.service.borrow().clone().unwrap_or_else(|| self.orchestrator());
        Arc::new(service.session(Caller { id: UserId::parse(id).expect("id"), role }))
    }

    async fn pause(&self, secs: i64) {
        let at = self.clock.now() + SignedDuration::from_secs(secs);
        self.clock.sleep_until(at).await;
    }

    fn is_over(&self) -> bool {
        self.clock.now() >= at(DAYS * DAY)
    }

    async fn runs(&self) -> Vec<Run> {
        self.as_user("admin", Role::Admin).runs(&RunFilter::default()).await.expect("runs")
    }
}

fn at(secs: i64) -> Timestamp {
    start_of_world() + SignedDuration::from_secs(secs)
}

/// A node's process that ends again and again, and is started anew.
async fn live(world: Arc<Testbed>, site: Arc<Site>) {
    let mut random = Seed::of(world.seed, &format!("life of {}", site.id));
    loop {
        let process = Process::new(&world.faults);
        let life = async {
            let config = AgentConfig {
                time_zone: None,
                node: site.id.clone(),
                work_dir: work_dir(world.dir.path(), &site.id),
                executor: ExecutorConfig::default(),
                interval: SignedDuration::from_secs(80),
                grace: GRACE,
                disk_interval: SignedDuration::from_mins(10),
                address: None,
            };
            let runtime: Arc<dyn Runtime> =
                Arc::new(FaultyRuntime { runtime: site.runtime.clone(), process: Arc::clone(&process) });
            let parts = Parts {
                control: Arc::new(Link {
                    service: world.service.subscribe(),
                    caller: Caller { id: UserId::from(&site.id), role: Role::Node },
                    cut: site.cut.subscribe(),
                    process: Some(Arc::clone(&process)),
                    uploads: None,
                }),
                runtime,
                ledger: Arc::new(FaultyLedger {
                    ledger: Arc::clone(&site.ledger),
                    memory: Arc::clone(&site.memory),
                    process: Arc::clone(&process),
                }),
                launcher: Arc::new(TimerLauncher::new(Arc::clone(&world.clock))),
                clock: Arc::clone(&world.clock),
                host: None,
                sessions: Arc::new(MemorySessions::new(Arc::clone(&world.clock))),
                routes: None,
                kernel: None,
                host_facts: Arc::new(super::manifests::Machine),
                traffic: None,
                meter: Arc::new(Meter::telling(0)),
                blob: None,
                monitors: Vec::new(),
                publisher: None,
                elements: None,
            };
            match Agent::new(config, parts).await {
                // A node whose engine does not answer ends, and is started again by its supervisor.
                Err(error) => assert_eq!(error.kind(), leoscope_core::ErrorKind::Unavailable, "{error}"),
                Ok(agent) => agent.run(CancellationToken::new()).await.expect("a node goes on"),
            }
        };
        let lifetime = if world.is_over() { 10 * DAY } else { random.secs(60, 4 * DAY) };
        tokio::select! {
            () = life => {}
            () = process.died() => {}
            () = world.pause(lifetime) => {}
        }
        let from = world.clock.now();
        let downtime = match random.next(20) {
            _ if world.is_over() => 1,
            0 => random.secs(HOUR, 6 * HOUR),
            1..4 => random.secs(60, 1_200),
            _ => random.secs(1, 60),
        };
        if random.once_in(8) && !world.is_over() {
            // The whole machine: power is lost, or it is started anew.
            site.runtime.kill_all();
            world.pause(1).await;
            tear_files(&world, &site, &mut random);
        }
        world.pause(downtime).await;
        site.note_outage(from, world.clock.now());
    }
}

/// Cuts files that had not been synced when the power went.
fn tear_files(world: &Testbed, site: &Site, random: &mut Seed) {
    let mut dirs = vec![work_dir(world.dir.path(), &site.id)];
    while let Some(dir) = dirs.pop() {
        let mut entries: Vec<_> = fs::read_dir(&dir).into_iter().flatten().flatten().collect();
        entries.sort_by_key(fs::DirEntry::path);
        for path in entries.into_iter().map(|entry| entry.path()) {
            // What has its final name in the outbox was synced before it got it.
            let synced = path.extension().is_some_and(|extension| extension == "gz");
            if path.is_dir() {
                dirs.push(path);
            } else if !synced && random.once_in(2) {
                let file = fs::File::options().write(true).open(&path).expect("open");
                let length = file.metadata().expect("length").len();
                file.set_len(random.next(length + 1)).expect("cut");
            }
        }
    }
}

/// An engine that is restarted, or just does not answer for a while.
async fn engine(world: Arc<Testbed>, site: Arc<Site>) {
    let mut random = Seed::of(world.seed, &format!("engine of {}", site.id));
    while !world.is_over() {
        world.pause(random.secs(HOUR, 36 * HOUR)).await;
        if world.is_over() {
            return;
        }
        let from = world.clock.now();
        site.runtime.set_available(false);
        if random.once_in(2) {
            site.runtime.kill_all();
        }
        world.pause(random.secs(1, 200)).await;
        site.runtime.set_available(true);
        site.note_outage(from, world.clock.now());
    }
}

/// A link that is gone now and then, once in a while for half a day.
async fn link(world: Arc<Testbed>, site: Arc<Site>) {
    let mut random = Seed::of(world.seed, &format!("link of {}", site.id));
    while !world.is_over() {
        world.pause(random.secs(60, 30 * HOUR)).await;
        if world.is_over() {
            return;
        }
        site.cut.send_replace(true);
        world
            .pause(match random.next(40) {
                // Costly to live through: a node that is cut off knocks every second.
                0 => random.secs(4 * HOUR, 14 * HOUR),
                1..10 => random.secs(60, HOUR),
                _ => random.secs(1, 60),
            })
            .await;
        site.cut.send_replace(false);
    }
}

/// An orchestrator that dies and is started anew over the same store.
async fn orchestrators(world: Arc<Testbed>) {
    let mut random = Seed::of(world.seed, "orchestrator");
    loop {
        let service = world.service.borrow().clone().expect("it is there");
        let lifetime = if world.is_over() { 10 * DAY } else { random.secs(60, 24 * HOUR) };
        tokio::select! {
            () = service.keep(None, None) => {}
            () = world.pause(lifetime) => {}
        }
        drop(service);
        world.service.send_replace(None);
        world.pause(if random.once_in(6) { random.secs(60, HOUR) } else { random.secs(1, 60) }).await;
        world.service.send_replace(Some(world.orchestrator()));
    }
}

/// Sees to it that what has ended stays as it is.
async fn watcher(world: Arc<Testbed>) {
    let mut ended: BTreeMap<RunId, Run> = BTreeMap::new();
    loop {
        world.pause(6 * HOUR).await;
        for run in world.runs().await.into_iter().filter(|run| run.status.is_terminal()) {
            // The results may still arrive.
            let run = Run { artifact: None, bundle: None, updated: None, ..run };
            let before = ended.entry(run.id.clone()).or_insert_with(|| run.clone());
            assert_eq!(*before, run, "seed {}: an ended run was changed", world.seed);
        }
    }
}

/// A researcher who books, changes and deletes.
struct Researcher {
    world: Arc<Testbed>,
    random: Seed,
    count: u64,
    /// The jobs that may still be changed, by id.
    live: BTreeMap<JobId, usize>,
}

impl Researcher {
    /// A job with regular runs; two of the same node and hour follow upon each other without a gap.
    fn regular(&mut self, node: &NodeId, window: (i64, i64)) -> JobSpec {
        let (minute, hours) =
            (self.random.next(2) * 30, [6, 8, 12, 24][usize::try_from(self.random.next(4)).expect("small")]);
        let cron = format!("{minute} {}-23/{hours} * * *", self.random.next(3));
        let length = if self.random.once_in(2) { 30 * 60 } else { self.random.secs(20, 1_800) };
        self.spec(node, Some(&cron), window, length)
    }

    fn once(&mut self, node: &NodeId) -> JobSpec {
        let now = self.now();
        let start = now + self.random.secs(1, 12 * HOUR);
        let length = self.random.secs(10, 3_000);
        let end = start + length + self.random.secs(0, 4 * HOUR);
        self.spec(node, None, (start, end), length)
    }

    fn spec(&mut self, node: &NodeId, cron: Option<&str>, window: (i64, i64), length: i64) -> JobSpec {
        self.count += 1;
        let spec = job(&format!("job-{}", self.count), node, cron, window, length);
        let overhead = !self.random.once_in(4);
        let policies = Policies {
            allowed_lateness: SignedDuration::from_secs(
                [0, 10, 60, 600][usize::try_from(self.random.next(4)).expect("small")],
            ),
            slip: SignedDuration::from_secs(if self.random.once_in(2) {
                self.random.secs(0, 1_800)
            } else {
                0
            }),
            overlap: if !overhead && self.random.once_in(2) { Overlap::Allow } else { Overlap::Skip },
            ..Policies::default()
        };
        JobSpec { overhead, policies, ..spec }
    }

    fn now(&self) -> i64 {
        self.world.clock.now().duration_since(start_of_world()).as_secs()
    }

    fn any_site(&mut self) -> Arc<Site> {
        let index = usize::try_from(self.random.next(NODES as u64)).expect("small");
        Arc::clone(&self.world.sites[index])
    }

    async fn book(&mut self, spec: JobSpec) {
        let id = spec.id.clone().expect("id");
        // A conflict is an answer as well; then there is no job.
        let _ = self.world.as_user("researcher", Role::User).schedule_job(spec).await;
        self.look(&id).await;
    }

    /// Writes down what is booked under this id now.
    async fn look(&mut self, id: &JobId) {
        let job = self.world.as_user("admin", Role::Admin).job(id).await.expect("job");
        let now = self.world.clock.now();
        let mut booked = self.world.booked.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.live.get(id).copied();
        if let Some(before) = before.map(|index| &mut booked[index]) {
            if job.as_ref() == Some(&before.job) {
                return;
            }
            before.until = job.as_ref().map_or(now, |job| job.since);
        }
        self.live.remove(id);
        if let Some(job) = job {
            self.live.insert(id.clone(), booked.len());
            booked.push(Booked { job, until: Timestamp::MAX });
        }
    }

    async fn change_something(&mut self) {
        let plane = self.world.as_user("researcher", Role::User);
        let ids: Vec<JobId> = self.live.keys().cloned().collect();
        let any =
            ids.get(usize::try_from(self.random.next(ids.len().max(1) as u64)).expect("small")).cloned();
        let end = DAYS * DAY;
        match (self.random.next(10), any) {
            (0, Some(id)) => {
                let _ = plane.delete_job(&id).await;
                self.look(&id).await;
                let node = self.any_site().id.clone();
                let spec = self.regular(&node, (self.now(), end));
                self.book(spec).await;
            }
            (1, Some(id)) => {
                let length = RunLength::from_secs(self.random.secs(20, 1_800)).expect("length");
                let _ =
                    plane.modify_job(&id, JobChange { length: Some(length), ..JobChange::default() }).await;
                self.look(&id).await;
            }
            (2, Some(id)) => {
                let cron = format!("{} {}-23/6 * * *", self.random.next(60), self.random.next(3));
                let schedule = Some(Schedule::Cron(CronExpr::parse(&cron).expect("cron")));
                let _ = plane.modify_job(&id, JobChange { schedule, ..JobChange::default() }).await;
                self.look(&id).await;
            }
            (3, Some(id)) => {
                let within = Window::new(at(self.now()), at(end)).expect("window");
                let _ = plane.reschedule_job(&id, within).await;
                self.look(&id).await;
            }
            _ => {
                let node = self.any_site().id.clone();
                let spec = self.once(&node);
                self.book(spec).await;
            }
        }
    }
}

async fn research(world: Arc<Testbed>) {
    let random = Seed::of(world.seed, "researcher");
    let mut researcher = Researcher { world: Arc::clone(&world), random, count: 0, live: BTreeMap::new() };
    for site in &world.sites {
        for _ in 0..2 {
            let spec = researcher.regular(&site.id, (0, DAYS * DAY));
            researcher.book(spec).await;
        }
    }
    loop {
        let pause = researcher.random.secs(60, 3 * HOUR);
        world.pause(pause).await;
        if world.is_over() {
            return;
        }
        researcher.change_something().await;
    }
}

/// What a world came to.
#[derive(Debug)]
struct Tally {
    runs: usize,
    crashes: BTreeMap<(String, Moment), u64>,
}

async fn endure(seed: u64) -> Tally {
    let world = Testbed::new(seed).await;
    let admin = world.as_user("admin", Role::Admin);
    let mut parts = JoinSet::new();
    parts.spawn(orchestrators(Arc::clone(&world)));
    for site in &world.sites {
        admin.register_node(site.id.clone(), NodeUpdate::default()).await.expect("registered");
        parts.spawn(live(Arc::clone(&world), Arc::clone(site)));
        parts.spawn(engine(Arc::clone(&world), Arc::clone(site)));
        parts.spawn(link(Arc::clone(&world), Arc::clone(site)));
    }
    parts.spawn(research(Arc::clone(&world)));
    parts.spawn(watcher(Arc::clone(&world)));
    let end = async {
        world.clock.sleep_until(at(DAYS * DAY)).await;
        world.faults.end();
        // Whoever is away for long comes back within this.
        world.pause(20 * HOUR + AFTERMATH).await;
    };
    let watched = async {
        while let Some(ended) = parts.join_next().await {
            if let Err(error) = ended {
                std::panic::resume_unwind(error.into_panic());
            }
        }
    };
    tokio::select! {
        () = end => {}
        () = watched => {}
    }
    let runs = judge(&world).await;
    parts.shutdown().await;
    Tally { runs, crashes: world.faults.crashes() }
}

/// Checks what must hold after everything has settled, and gives the number of runs.
async fn judge(world: &Testbed) -> usize {
    let seed = world.seed;
    let runs = world.runs().await;
    for run in &runs {
        assert!(run.status.is_terminal(), "seed {seed}: {run:#?}");
        let by_node = run.stage != Some(Stage::Reconcile);
        let ran = matches!(run.status, RunStatus::Completed | RunStatus::Failed | RunStatus::Aborted);
        assert!(!(by_node && ran) || run.artifact.is_some(), "seed {seed}: without results: {run:#?}");
    }
    every_planned_run_has_one_record(world, &runs);
    for site in &world.sites {
        let finals = site.memory.finals();
        for run in runs.iter().filter(|run| run.node == site.id) {
            if let Some((known, _)) = finals.get(&run.id) {
                let told =
                    |run: &Run| (run.status, run.reason.clone(), run.started, run.ended, run.exit_code);
                assert_eq!(
                    told(run),
                    told(known),
                    "seed {seed}: the record is not what the node says: {run:#?}"
                );
            }
        }
        let stays = site.runtime.stays();
        let ids: BTreeSet<&RunId> = stays.iter().map(|stay| &stay.run).collect();
        assert_eq!(ids.len(), stays.len(), "seed {seed}: a run ran twice on {}", site.id);
        let mut exclusive_until: Option<(Timestamp, &RunId)> = None;
        for stay in &stays {
            let (run, exclusive) =
                finals.get(&stay.run).unwrap_or_else(|| panic!("seed {seed}: nothing is known of {stay:?}"));
            let window = run.planned.expect("planned");
            let ended = stay.ended.unwrap_or_else(|| panic!("seed {seed}: still running: {stay:?}"));
            let in_time = window.start() <= stay.started && stay.started < window.end() + STARTED_WITHIN;
            assert!(in_time, "seed {seed}: {stay:?} was started outside {window:?}");
            let by = site.must_have_ended(window.end());
            assert!(
                ended <= by,
                "seed {seed}: {stay:?} on {} went on after {window:?}, until {by} at most",
                site.id
            );
            if *exclusive {
                if let Some((until, other)) = exclusive_until {
                    assert!(until <= stay.started, "seed {seed}: {stay:?} on {} beside {other}", site.id);
                }
                exclusive_until = Some((ended, &stay.run));
            }
        }
        assert_eq!(
            site.runtime.list().await.expect("list"),
            [],
            "seed {seed}: experiments are left on {}",
            site.id
        );
        for part in ["outbox", "runs"] {
            let left = fs::read_dir(work_dir(world.dir.path(), &site.id).join(part)).into_iter().flatten();
            let left: Vec<_> = left.flatten().map(|entry| entry.path()).collect();
            assert!(left.is_empty(), "seed {seed}: left on the disk of {}: {left:?}", site.id);
        }
    }
    runs.len()
}

fn every_planned_run_has_one_record(world: &Testbed, runs: &[Run]) {
    let seed = world.seed;
    let mut recorded: BTreeMap<(&JobId, Timestamp), u32> = BTreeMap::new();
    for run in runs {
        *recorded.entry((&run.job, run.planned.expect("planned").start())).or_default() += 1;
    }
    let booked = world.booked.lock().unwrap_or_else(PoisonError::into_inner);
    let mut planned = BTreeSet::new();
    let mut due = 0;
    for Booked { job, until } in &*booked {
        for occurrence in job.occurrences() {
            let start = occurrence.window.start();
            planned.insert((&job.id, start));
            if start < *until {
                due += 1;
                let records = recorded.get(&(&job.id, start)).copied().unwrap_or_default();
                assert_eq!(records, 1, "seed {seed}: records of the run of {} at {start}", job.id);
            }
        }
    }
    for ((job, start), records) in &recorded {
        assert_eq!(*records, 1, "seed {seed}: records of the run of {job} at {start}");
        assert!(planned.contains(&(*job, *start)), "seed {seed}: nobody planned {job} at {start}");
    }
    assert!(due > 1_000, "seed {seed}: only {due} runs");
}

#[expect(clippy::print_stderr, reason = "what a test has to say that is no failure")]
fn note(text: &str) {
    eprintln!("{text}");
}

/// Lives through the world of one seed and says how to do it again if it fails.
fn in_a_world_of_its_own(seed: u64) -> Tally {
    /// Speaks up when it is dropped by a panic.
    struct Told(u64);
    impl Drop for Told {
        fn drop(&mut self) {
            if std::thread::panicking() {
                note(&format!(
                    "the world of seed {0} failed; again: LEOSCOPE_TEST_SEED={0} cargo nextest run \
                     -p leoscope-tests --test simulation thirty_days",
                    self.0
                ));
            }
        }
    }
    let _told = Told(seed);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("runtime").block_on(endure(seed))
}

/// `LEOSCOPE_TEST_SEEDS` worlds, one unless it says otherwise, from seed `LEOSCOPE_TEST_SEED` on.
#[test]
fn thirty_days_of_twenty_nodes_lose_nothing() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let first = number("LEOSCOPE_TEST_SEED").unwrap_or_default();
    let mut crashes: BTreeMap<(String, Moment), u64> = BTreeMap::new();
    for seed in first..first + number("LEOSCOPE_TEST_SEEDS").unwrap_or(1) {
        let begun = Instant::now();
        let tally = in_a_world_of_its_own(seed);
        let total: u64 = tally.crashes.values().sum();
        note(&format!("seed {seed}: {} runs, {total} crashes, {:?}", tally.runs, begun.elapsed()));
        for (call, count) in tally.crashes {
            *crashes.entry(call).or_default() += count;
        }
    }
    for call in CALLS {
        for moment in [Moment::Before, Moment::After] {
            let key = ((*call).to_owned(), moment);
            assert!(crashes.contains_key(&key), "no process ended {moment:?} {call}: {crashes:#?}");
        }
    }
}
