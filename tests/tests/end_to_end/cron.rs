//! Runs that the host's cron and at start, with the node's own process there and killed.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use leoscope_core::time::{Timestamp, wire_time};
use leoscope_tests::memcached::Memcached;
use leoscope_tests::skipped;

use crate::lab::{Lab, Setup, eventually, within};

/// Longer than two minutes of cron and what happens in them.
const MINUTES: Duration = Duration::from_secs(200);

/// Lines of other people: one that looks like ours among them, and one that holds a percent sign.
const THEIRS: &str =
    "# kept\nMAILTO=\"\"\n0 0 31 2 *\ttrue%theirs\n0 0 31 2 * true # leotest:another-node:job\n";

/// The crontab of a user, put back as it was at the end.
struct Crontab {
    user: &'static str,
    before: String,
}

impl Crontab {
    fn with_their_lines(user: &'static str) -> Self {
        let before = Self::read(user);
        let crontab = Self { user, before };
        crontab.write(&format!("{}{THEIRS}", crontab.before));
        crontab
    }

    fn read(user: &str) -> String {
        let output = Command::new("crontab").args(["-u", user, "-l"]).output().expect("crontab");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn write(&self, table: &str) {
        let file = tempfile::NamedTempFile::new().expect("file");
        fs::write(file.path(), table).expect("table");
        let mut command = Command::new("crontab");
        command.args(["-u", self.user]);
        if table.is_empty() {
            command.arg("-r")
        } else {
            command.arg(file.path())
        };
        assert!(command.status().expect("crontab").success());
    }

    /// All but the lines of `node`.
    fn of_others(&self, node: &str) -> String {
        let mark = format!("# leotest:{node}:");
        let table = Self::read(self.user);
        table.split_inclusive('\n').filter(|line| !line.contains(&mark)).collect()
    }

    fn is_intact(&self, node: &str) -> bool {
        self.of_others(node) == format!("{}{THEIRS}", self.before)
    }
}

impl Drop for Crontab {
    fn drop(&mut self) {
        self.write(&self.before);
    }
}

/// A daemon of the host, if it was not there before.
struct Daemon(Child);

impl Daemon {
    fn start(program: &str) -> Option<Self> {
        let mut command = Command::new(program);
        command.arg("-f").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // One that is there already makes this one end at once.
        command.spawn().ok().map(Self)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended before.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The jobs in the queue of at that belong to `node`.
fn queued(node: &str) -> usize {
    let listing = Command::new("atq").output().expect("atq").stdout;
    let listing = String::from_utf8_lossy(&listing).into_owned();
    let ids = listing.lines().filter_map(|line| line.split_ascii_whitespace().next());
    let is_ours = |id: &&str| {
        let script = Command::new("at").args(["-c", id]).output().expect("at").stdout;
        String::from_utf8_lossy(&script).contains(&format!("# leotest:{node}:"))
    };
    ids.filter(is_ours).count()
}

#[test]
fn cron_and_at_start_the_runs_of_a_node_that_was_killed_and_nothing_of_others_is_touched() {
    let (Some(_cron), Some(_atd)) = (Daemon::start("cron"), Daemon::start("atd")) else {
        return skipped("cron", "the programs cron and atd are not installed");
    };
    let Some(memcached) = Memcached::start() else { return };
    let mut lab = Lab::build(Setup {
        more: &[
            "--launcher=crontab",
            &format!("--sessions={}", memcached.location()),
            "--access-token-file={dir}/node-token",
        ],
        ..Setup::default()
    });
    let node = lab.node_id.clone();
    let (own, other) = (Crontab::with_their_lines("root"), Crontab::with_their_lines("nobody"));
    let intact = |when: &str| {
        assert!(own.is_intact(&node), "{when}: {}", own.of_others(&node));
        assert!(other.is_intact(&node), "{when}: {}", other.of_others(&node));
    };

    // The minute at which both are started, far enough away to book and to kill the node before.
    let now = Timestamp::now().as_second();
    let minute = ((now + 12) / 60 + 1) * 60;
    let at = |secs| Timestamp::from_second(minute + secs).expect("time");
    lab.schedule_at("once", "process: {command: 'echo once > file.txt'}", at(42), 5);
    let config = lab.write("every.yaml", "process: {command: 'echo every > file.txt'}");
    lab.cli_ok(&[
        "job",
        "--action=schedule",
        &format!("--nodeid={node}"),
        "--jobid=every",
        "--type=cron",
        "--schedule=* * * * *",
        "--no-overhead",
        &format!("--start-date={}", wire_time(at(30))),
        &format!("--end-date={}", wire_time(at(3600))),
        "--length=5",
        &format!("--exp-config={config}"),
    ]);
    let line = eventually("the line in the crontab", || {
        let table = Crontab::read("root");
        table.lines().find(|line| line.ends_with(&format!("# leotest:{node}:every"))).map(str::to_owned)
    });
    assert!(line.starts_with("* * * * * ") && line.contains(" exec --settings "), "{line}");
    eventually("the job of at", || (queued(&node) == 1).then_some(()));
    intact("arranged");
    lab.node.kill();

    // The node's own process is not there to carry out, report or hand over anything.
    let run = lab.wait_long_for_run("once", MINUTES, |run| run["results"] == true);
    assert_eq!((&run["status"], &run["exit_code"]), (&"COMPLETED".into(), &0.into()), "{run:#}");
    let late = run["lateness_ms"].as_f64().expect("lateness");
    assert!((0.0..5000.0).contains(&late), "{run:#}");
    assert_eq!(fs::read_to_string(lab.download("once").join("file.txt")).expect("file"), "once\n");
    intact("while the node is away");

    // Back again, it leaves the run of the minute after to the process that has it already.
    lab.start_node();
    let id_of_minute = at(60).strftime("%Y%m%dT%H%M%SZ-").to_string();
    let of_minute =
        |run: &serde_json::Value| run["id"].as_str().is_some_and(|id| id.starts_with(&id_of_minute));
    let run = lab.wait_long_for_run("every", MINUTES, |run| of_minute(run) && run["results"] == true);
    assert_eq!((&run["status"], &run["exit_code"]), (&"COMPLETED".into(), &0.into()), "{run:#}");
    let id = run["id"].as_str().expect("id");
    let log = fs::read_to_string(lab.dir.path().join("node/exec.log")).expect("log");
    assert!(log.contains("this process carries out the run") && log.contains(id), "{log}");
    let begun = fs::read_to_string(lab.dir.path().join("node.log")).expect("log");
    assert!(!begun.lines().any(|line| line.contains("run planned") && line.contains(id)), "{begun}");
    assert!(!log.contains(&lab.node_token), "the token is no business of logs");

    for job in ["every", "once"] {
        lab.cli_ok(&["job", "--action=delete", &format!("--jobid={job}")]);
    }
    eventually("the entries to be removed", || {
        let table = Crontab::read("root");
        (!table.contains(&format!("# leotest:{node}:")) && queued(&node) == 0).then_some(())
    });
    intact("at the end");
    assert_eq!(lab.runs("once").len(), 1, "none twice");
    let claims = lab.dir.path().join("node/claims");
    within(MINUTES, "the processes of the host to end", || {
        fs::read_dir(&claims).ok()?.next().is_none().then_some(())
    });
}
