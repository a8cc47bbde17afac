use std::sync::{Mutex, PoisonError};

use super::*;
use crate::error::ErrorKind;
use crate::ids::{JobId, RunId};
use crate::model::RunLength;
use crate::schedule::CronExpr;
use crate::time::{SignedDuration, Window, parse_time};

/// A host of which everything is remembered.
#[derive(Debug, Default)]
struct Host(Mutex<State>);

#[derive(Debug, Default, Clone, PartialEq)]
struct State {
    table: String,
    jobs: Vec<(u64, String)>,
    /// How often anything was changed.
    changes: usize,
    /// What somebody else writes into the crontab as soon as it has been read.
    intruder: Option<String>,
}

impl Host {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl HostTools for Host {
    async fn table(&self) -> Result<Vec<u8>> {
        let mut state = self.state();
        let table = state.table.clone();
        if let Some(line) = state.intruder.take() {
            state.table.push_str(&line);
        }
        Ok(table.into_bytes())
    }

    async fn install(&self, table: &[u8]) -> Result<()> {
        let mut state = self.state();
        assert!(table.is_empty() || table.ends_with(b"\n"), "crontab refuses this");
        state.table = String::from_utf8(table.to_vec()).expect("text");
        state.changes += 1;
        Ok(())
    }

    async fn queued(&self) -> Result<Vec<Queued>> {
        let jobs = self.state().jobs.clone();
        Ok(jobs.into_iter().map(|(id, script)| Queued { id, script }).collect())
    }

    async fn submit(&self, _: Timestamp, script: &str) -> Result<()> {
        let mut state = self.state();
        let id = state.jobs.last().map_or(1, |(id, _)| id + 1);
        state.jobs.push((id, format!("#!/bin/sh\n{script}")));
        state.changes += 1;
        Ok(())
    }

    async fn withdraw(&self, id: u64) -> Result<()> {
        let mut state = self.state();
        state.jobs.retain(|(other, _)| *other != id);
        state.changes += 1;
        Ok(())
    }
}

fn at(text: &str) -> Timestamp {
    parse_time(text).expect("time")
}

fn start(job: &str, time: HostTime) -> HostStart {
    HostStart {
        node: NodeId::parse("node-1").expect("id"),
        job: JobId::parse(job).expect("id"),
        run: matches!(time, HostTime::At(_)).then(|| RunId::parse("20261201T000100Z-00").expect("id")),
        time,
        range: Window::new(at("2026-12-01T00:01"), at("2026-12-01T00:02")).expect("window"),
        length: RunLength::from_secs(60).expect("length"),
    }
}

fn scheduler(host: &Arc<Host>) -> CrontabScheduler {
    let command = ExecCommand {
        program: "/opt/leo scope/leoscope-node".into(),
        settings: "/var/lib/50%/it's.toml".into(),
        log: "/var/log/exec.log".into(),
    };
    let tools: Arc<dyn HostTools> = Arc::clone(host) as Arc<dyn HostTools>;
    CrontabScheduler::new(NodeId::parse("node-1").expect("id"), command, true, tools).expect("scheduler")
}

#[tokio::test]
async fn starts_are_arranged_once_and_taken_back_without_a_trace() {
    let host = Arc::new(Host::default());
    let before = State {
        table: "MAILTO=someone\n0 3 * * * backup # mine\n".to_owned(),
        jobs: vec![(1, "#!/bin/sh\necho theirs\n".to_owned())],
        ..State::default()
    };
    *host.state() = before.clone();
    let scheduler = scheduler(&host);
    let now = at("2026-12-01T00:00:30") - SignedDuration::from_mins(2);
    let cron = CronExpr::parse("4-59/5 * * * *").expect("cron");
    let starts = [start("every", HostTime::Every(cron)), start("once", HostTime::At(at("2026-12-01T00:00")))];
    for _ in 0..2 {
        scheduler.arrange(&starts, now).await.expect("arrange");
        assert_eq!(host.state().changes, 2, "the second time changes nothing");
    }
    let line = host.state().table.lines().last().expect("line").to_owned();
    assert_eq!(
        line,
        r"4-59/5 * * * * '/opt/leo scope/leoscope-node' exec --settings '/var/lib/50\%/it'\''s.toml' --nodeid node-1 --jobid every --runid auto --start-date 2026-12-01T00:01:00 --end-date 2026-12-01T00:02:00 --length-secs 60 >>/var/log/exec.log 2>&1 # leotest:node-1:every"
    );
    let script = host.state().jobs[1].1.clone();
    assert!(
        script.contains("\n# leotest:node-1:once:20261201T000100Z-00\n")
            || script.contains("# leotest:node-1:once:20261201T000100Z-00\n"),
        "{script}"
    );
    assert!(script.contains("--runid 20261201T000100Z-00 "), "{script}");
    scheduler.arrange(&[], now).await.expect("arrange");
    assert_eq!(*host.state(), State { changes: 4, ..before });
}

#[tokio::test]
async fn a_crontab_that_somebody_is_changing_is_left_to_them() {
    let host = Arc::new(Host::default());
    host.state().intruder = Some("0 4 * * * theirs\n".to_owned());
    let cron = CronExpr::parse("* * * * *").expect("cron");
    let starts = [start("every", HostTime::Every(cron))];
    let now = at("2026-12-01T00:00");
    let error = scheduler(&host).arrange(&starts, now).await.expect_err("it has changed");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(host.state().table, "0 4 * * * theirs\n");
    scheduler(&host).arrange(&starts, now).await.expect("the next time");
    assert!(host.state().table.starts_with("0 4 * * * theirs\n* * * * * "));
}

#[test]
fn paths_that_cannot_stand_in_a_crontab_are_refused() {
    for bad in ["relative", "/with\nnewline"] {
        let command = ExecCommand { program: bad.into(), settings: "/s".into(), log: "/l".into() };
        let node = NodeId::parse("n").expect("id");
        let error = CrontabScheduler::new(node, command, true, Arc::new(Host::default())).expect_err(bad);
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    }
}
