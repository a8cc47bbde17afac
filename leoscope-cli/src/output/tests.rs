use std::sync::{Arc, Mutex};

use leoscope_core::ErrorKind;
use leoscope_core::conflict::{Conflict, Refusal};
use leoscope_core::ids::{EventId, JobId, NodeId, RunId, UserId};
use leoscope_core::model::{
    Job, JobEvent, JobParams, NewUser, Node, Outcome, Reason, Role, Run, RunLength, RunStatus, Settings,
    Stage, Standby, StandbyKind, Standbys,
};
use leoscope_core::schedule::{CronExpr, Policies, Schedule};
use leoscope_core::time::{SignedDuration, Window, parse_time};

use super::*;

/// A writer whose content can be looked at.
#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("buffer").clone()).expect("text")
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("buffer").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What `print` writes to standard output and standard error.
fn printed(format: Format, quiet: bool, print: impl FnOnce(&Output)) -> (String, String) {
    let (data, messages) = (Buffer::default(), Buffer::default());
    print(&Output::into_writers(format, quiet, data.clone(), messages.clone()));
    (data.text(), messages.text())
}

fn at(text: &str) -> Timestamp {
    parse_time(text).expect(text)
}

fn window(start: &str, end: &str) -> Window {
    Window::new(at(start), at(end)).expect("window")
}

fn job() -> Job {
    Job {
        id: JobId::parse("exp-001").expect("id"),
        owner: UserId::parse("researcher-1").expect("id"),
        node: NodeId::parse("node-seattle").expect("id"),
        server: None,
        schedule: Schedule::Cron(CronExpr::parse("*/5 * * * *").expect("cron")),
        window: window("2026-12-01T00:00:00", "2026-12-02T00:00:00"),
        length: RunLength::from_secs(60).expect("length"),
        overhead: true,
        trigger: None,
        config: "docker: {image: a}\n".into(),
        params: JobParams::default(),
        policies: Policies::default(),
        shift: SignedDuration::ZERO,
        created: at("2026-11-30T12:00:00"),
        since: at("2026-11-30T12:00:00"),
        deleted: None,
    }
}

fn run() -> Run {
    let job = job();
    let planned = window("2026-12-01T00:05:00", "2026-12-01T00:06:00");
    let id = RunId::parse("20261201T000500Z-3f2a9c1b4e5d6f70").expect("id");
    let mut run = Run::planned(id, job.id, job.node, job.owner, planned);
    run.started = Some(at("2026-12-01T00:05:00.0013"));
    run.exit_code = Some(1);
    let message = "exited with 1:\u{1b}[2J\nbye";
    let outcome = Outcome::new(RunStatus::Failed, Stage::Execute, Reason::ContainerExitNonzero, message);
    run.end(outcome, at("2026-12-01T00:05:30"));
    run
}

fn node() -> Node {
    Node {
        id: NodeId::parse("node-seattle").expect("id"),
        name: "Seattle".into(),
        description: String::new(),
        coords: Some("47.6062,-122.3321".parse().expect("coordinates")),
        location: "Seattle".into(),
        provider: "starlink".into(),
        public_ip: String::new(),
        owner: None,
        scheduling_enabled: true,
        standby: Default::default(),
        time_zone: None,
        clock_offset_us: Some(-2_500_000),
        portal: Default::default(),
        registered: at("2026-11-01T00:00:00"),
        last_active: Some(at("2026-12-01T00:00:00")),
        contact_since: Some(at("2026-11-30T23:00:00")),
    }
}

fn paused() -> Node {
    let pause = Standby {
        kind: StandbyKind::Scavenger,
        reason: Some("a video call".into()),
        until: Some(at("2026-12-01T12:00:00")),
    };
    Node { standby: Standbys { by_person: Some(pause), by_host: None }, ..node() }
}

#[test]
fn tables_of_jobs_runs_nodes_and_users() {
    let user = NewUser {
        id: UserId::parse("researcher-1").expect("id"),
        name: "A Researcher".into(),
        role: Role::UserPriv,
        team: String::new(),
    };
    let tables = printed(Format::Table, false, |out| {
        out.list(&[Job { schedule: Schedule::Once, overhead: false, ..job() }, job()]);
        out.list(&[run()]);
        out.list(&[node(), paused()]);
        out.one(&user);
        out.list::<Job>(&[]);
    });
    insta::assert_snapshot!("tables", tables.0);
    assert_eq!(tables.1, "");
}

#[test]
fn json_of_jobs_runs_and_nodes() {
    let (data, _) = printed(Format::Json, false, |out| {
        out.list(&[job()]);
        out.list(&[run()]);
        out.one(&paused());
        out.list::<Job>(&[]);
        out.table(&["planned start (UTC)", "late (ms)"], vec![vec!["x".into(), "1".into()]]);
    });
    insta::assert_snapshot!("json", data);
}

#[test]
fn the_story_of_a_run_is_readable() {
    let event = |number: u32, stage, message: &str| {
        let received = at("2026-12-01T00:06:00");
        let mut event = JobEvent::of(&run(), received);
        event.id = EventId::parse(&format!("e{number}")).expect("id");
        (event.stage, event.message) = (stage, message.to_owned());
        event
    };
    let events = [event(1, Stage::Deploy, "preparing"), event(2, Stage::Execute, "exited with 1")];
    let (story, notes) = printed(Format::Table, false, |out| out.story(&run(), &events, false));
    insta::assert_snapshot!("story", story);
    assert_eq!(notes, "");
    let (json, _) = printed(Format::Json, false, |out| out.story(&run(), &events, false));
    let json: Value = serde_json::from_str(&json).expect("json");
    assert_eq!(json[0]["events"].as_array().map(Vec::len), Some(2));
    assert_eq!(printed(Format::Json, true, |out| out.story(&run(), &events, false)).0.lines().count(), 1);
}

#[test]
fn quiet_prints_ids_and_tokens_and_no_notes() {
    let (data, messages) = printed(Format::Json, true, |out| {
        out.list(&[run()]);
        out.made(&"exp-001", json!({}));
        out.done(&"exp-002", "job exp-002 is deleted", json!({}));
        out.token(&"a", &Secret::new("t0ken"));
        out.note("unseen");
        out.warning("seen");
    });
    assert_eq!(data, "20261201T000500Z-3f2a9c1b4e5d6f70\nexp-001\nexp-002\nt0ken\n");
    assert_eq!(messages, "warning: seen\n");
}

#[test]
fn a_token_is_data_and_its_note_is_not() {
    let print = |out: &Output| out.token(&"a", &Secret::new("t0ken"));
    let note = "note: this is the access token of a; it is shown only once, keep it safe\n";
    assert_eq!(printed(Format::Table, false, print), ("t0ken\n".into(), note.into()));
    let json = "{\n  \"id\": \"a\",\n  \"access_token\": \"t0ken\"\n}\n";
    assert_eq!(printed(Format::Json, false, print), (json.into(), note.into()));
}

#[test]
fn errors_say_what_and_what_to_do_and_name_each_conflict() {
    let taken = window("2026-12-01T00:05:00", "2026-12-01T00:06:00");
    let conflict = |job: &str| Conflict {
        job: JobId::parse(job).expect("id"),
        owner: UserId::parse("someone").expect("id"),
        node: NodeId::parse("node-seattle").expect("id"),
        wanted: taken,
        taken,
        clashing: if job == "a" { 1 } else { 12 },
    };
    let error = Error::conflict(
        "2 jobs are\nin the way",
        Refusal { conflicts: vec![conflict("a"), conflict("b")], ..Refusal::default() },
    )
    .hint("move it");
    assert_eq!(error.kind(), ErrorKind::Conflict);
    insta::assert_snapshot!("conflict", error_text(&error));
}

#[test]
fn the_configuration_comes_back_as_it_went_in_and_errors_quote_no_value() {
    let text = r#"{"datastore": {"blob": {"connectionString": "secret-1", "container": "c",
        "artifactPath": "a/b"}}, "weather": {"apikey": "secret-2"}}"#;
    let settings: Settings = read_config(text).expect("configuration");
    assert_eq!(settings.weather_api_key.expose(), "secret-2");
    let same: Value = serde_json::from_str(text).expect("json");
    assert_eq!(GlobalConfig::from(settings).into_json(), same);

    let cases = [
        ("{}", "configuration line 1 column 2: missing field `datastore`"),
        ("{\"datastore\": {}, \"x\"", "configuration line 1 column 15: missing field `blob`"),
        ("{\"weather\": \"secret\"}", "configuration line 1 column 20: a value is of the wrong type"),
        ("secret", "configuration line 1 column 1: not valid JSON"),
    ];
    for (text, start) in cases {
        let error = read_config(text).expect_err(text);
        assert!(!error.message().contains("secret"), "{error}");
        assert!(error.message().starts_with(start.split(" column").next().expect("start")), "{error}");
        assert_eq!(error.message().rsplit(": ").next(), start.rsplit(": ").next());
    }
}
