//! What `run why`, `run wait`, `run watch` and `run stats` say.

use leoscope_core::ids::EventId;
use leoscope_core::schedule::{Policies, Schedule};
use leoscope_core::trigger::{Field, Key, Value, Verdict};

use super::fetching::said;
use super::*;

fn at(time: &str) -> Timestamp {
    parse_time(&format!("2099-12-01T{time}")).expect(time)
}

/// The run of `exp` that starts at a minute of that day and lasts one.
fn planned(id: &str, minute: i64, status: RunStatus) -> Run {
    let start = at("00:00:00") + SignedDuration::from_mins(minute);
    let updated = Some(start + SignedDuration::from_secs(1));
    let planned = Window::lasting(start, SignedDuration::from_mins(1));
    Run { status, planned, updated, ..run(id, false) }
}

fn ended(run: Run, outcome: Outcome) -> Run {
    let mut run = run;
    let end = run.planned.map(|planned| planned.end());
    run.end(outcome, end.expect("planned"));
    run
}

fn completed(id: &str, minute: i64) -> Run {
    let outcome = Outcome::new(RunStatus::Completed, Stage::Execute, Reason::LengthReached, "");
    ended(planned(id, minute, RunStatus::Running), outcome)
}

fn failed(id: &str, minute: i64) -> Run {
    let outcome = Outcome::failed(Stage::ImagePull, Reason::ImageNotFound, "no such image: a");
    ended(planned(id, minute, RunStatus::Running), outcome)
}

/// `exp`, which plans runs at midnight and ten minutes later.
fn job(trigger: Option<&str>) -> Job {
    let spec = JobSpec {
        id: Some(JobId::parse("exp").expect("id")),
        node: NodeId::parse("n").expect("id"),
        server: None,
        schedule: Schedule::Cron("0,10 0 * * *".parse().expect("cron")),
        window: Window::new(at("00:00:00"), at("01:00:00")).expect("window"),
        length: RunLength::from_secs(60).expect("length"),
        overhead: true,
        trigger: trigger.map(str::to_owned),
        config: "docker: {image: a}".into(),
        params: JobParams::default(),
        policies: Policies::default(),
    };
    let booked = at("00:00:00") - SignedDuration::from_hours(1);
    spec.check(UserId::parse("me").expect("id"), booked).expect("job")
}

fn first(answers: impl IntoIterator<Item = Result<Vec<Run>>>) -> Mutex<VecDeque<Result<Vec<Run>>>> {
    Mutex::new(answers.into_iter().collect())
}

fn away<T>() -> Result<T> {
    Err(Error::unavailable("the orchestrator cannot be reached"))
}

#[tokio::test(start_paused = true)]
async fn a_run_is_waited_for_through_an_outage_that_is_told_once() {
    let going = |status| Ok(vec![planned("r1", 0, status)]);
    let first_runs = first([
        going(RunStatus::Scheduled),
        away(),
        away(),
        going(RunStatus::Running),
        going(RunStatus::Running),
    ]);
    let plane = Plane { first_runs, runs: vec![completed("r1", 0)], ..Plane::default() };
    let (data, notes, status) = said(&["run", "wait", "--runid=r1"], Format::Table, plane).await;
    assert_eq!(status, ExitStatus::Done);
    assert!(data.contains("COMPLETED") && data.lines().count() == 2, "{data}");
    assert_eq!(notes, "note: the orchestrator cannot be reached; asking on\n");
    // One that was never there is told at once.
    let plane = Arc::new(Plane { first_runs: first([away()]), ..Plane::default() });
    let error = execute(&["run", "wait", "--runid=r1"], &plane).await.expect_err("not there");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn how_waiting_ends_is_the_exit_code() {
    let waited = async |run: Run, state: &str| {
        let plane = Plane { runs: vec![run], ..Plane::default() };
        let line = ["run", "wait", "--runid=r1", state];
        let (_, notes, status) = said(&line, Format::Json, plane).await;
        (status, notes)
    };
    let going = || planned("r1", 0, RunStatus::Running);
    assert_eq!(waited(completed("r1", 0), "--timeout=1h").await, (ExitStatus::Done, String::new()));
    let why = "note: 'leoscope run why r1' tells more\n".to_owned();
    assert_eq!(waited(failed("r1", 0), "--state=ended").await, (ExitStatus::RunFailed, why.clone()));
    assert_eq!(waited(failed("r1", 0), "--state=FAILED").await, (ExitStatus::Done, String::new()));
    assert_eq!(waited(completed("r1", 0), "--state=skipped").await, (ExitStatus::RunFailed, why));
    assert_eq!(waited(going(), "--state=running").await, (ExitStatus::Done, String::new()));
    let late = "error: run r1: not ended within 1m 30s\nhint: wait longer with --timeout\n".to_owned();
    assert_eq!(waited(going(), "--timeout=90s").await, (ExitStatus::TimedOut, late));
}

#[tokio::test(start_paused = true)]
async fn the_run_of_a_job_is_the_one_that_goes_on_or_comes_or_was_the_last() {
    let waited = async |plane: Plane| {
        let (data, notes, status) = said(&["run", "wait", "--jobid=exp"], Format::Json, plane).await;
        let json: serde_json::Value = serde_json::from_str(&data).expect("json");
        (json[0]["id"].as_str().map(str::to_owned), notes, status)
    };
    let id = |id: &str| Some(id.to_owned());
    let before = planned("r1", 0, RunStatus::Running);
    let first_runs = first([Ok(vec![completed("r2", 10), before])]);
    let goes_on =
        Plane { first_runs, runs: vec![completed("r2", 10), completed("r1", 0)], ..Plane::default() };
    assert_eq!(waited(goes_on).await, (id("r1"), String::new(), ExitStatus::Done));

    let first_runs = first([Ok(vec![failed("r1", 0)]), Ok(vec![failed("r1", 0)])]);
    let runs = vec![completed("r2", 10), failed("r1", 0)];
    let comes = Plane { first_runs, runs, booked: vec![job(None)], ..Plane::default() };
    let note = "note: the next run of job exp is to start at 2099-12-01T00:10:00\n".to_owned();
    assert_eq!(waited(comes).await, (id("r2"), note, ExitStatus::Done));

    let over = Plane { runs: vec![completed("r2", 10), failed("r1", 0)], ..Plane::default() };
    assert_eq!(waited(over).await, (id("r2"), String::new(), ExitStatus::Done));

    let line = ["run", "wait", "--jobid=exp"];
    let error = execute(&line, &Arc::new(Plane::default())).await.expect_err("unknown");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let error = refusal(&["run", "watch"]).await;
    assert_eq!(error.message(), "no run to follow is named");
}

/// A run that goes on, and how it ends, with what its node notes meanwhile.
fn watched() -> Plane {
    let going = Run { phase: Some(Phase::Execute), ..planned("r1", 0, RunStatus::Running) };
    let note = |id: &str, message: &str| JobEvent {
        id: EventId::parse(id).expect("id"),
        message: message.into(),
        source: "leoscope-node".into(),
        ..JobEvent::of(&going, at("00:00:00"))
    };
    Plane {
        noted: vec![note("e1", "the image is there"), JobEvent::of(&going, at("00:00:00"))],
        first_runs: first([Ok(vec![going.clone()]), Ok(vec![going.clone()])]),
        runs: vec![failed("r1", 0)],
        ..Plane::default()
    }
}

#[tokio::test(start_paused = true)]
async fn each_step_of_a_run_is_told_once_as_it_comes() {
    let line = ["run", "watch", "--runid=r1"];
    let (data, notes, status) = said(&line, Format::Table, watched()).await;
    assert_eq!(status, ExitStatus::RunFailed);
    insta::assert_snapshot!(data, @r"
    2099-12-01T00:00:00  EXECUTE     OK       the image is there
    2099-12-01T00:00:00  EXECUTE     OK       the run is RUNNING, phase EXECUTE
    2099-12-01T00:01:00  IMAGE_PULL  FAILED   no such image: a  IMAGE_NOT_FOUND
    ");
    assert_eq!(notes, "note: run r1 is FAILED, IMAGE_NOT_FOUND: no such image: a\n");
    let (data, ..) = said(&line, Format::Json, watched()).await;
    let stages: Vec<_> = data
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("an object a line"))
        .map(|step| step["stage"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(stages, ["EXECUTE", "EXECUTE", "IMAGE_PULL"].map(|stage| Some(stage.to_owned())));
}

#[tokio::test(start_paused = true)]
async fn a_job_is_watched_run_after_run_until_it_is_over() {
    let line = ["run", "watch", "--jobid=exp"];
    let plane = || {
        let going = planned("r1", 0, RunStatus::Running);
        let first_runs = first([Ok(vec![going]), Ok(vec![completed("r1", 0)]), Ok(vec![completed("r1", 0)])]);
        let runs = vec![failed("r2", 10), completed("r1", 0)];
        Plane { first_runs, runs, booked: vec![job(None)], ..Plane::default() }
    };
    let (data, notes, status) = said(&line, Format::Table, plane()).await;
    assert_eq!(status, ExitStatus::RunFailed);
    insta::assert_snapshot!(data, @r"
    2099-12-01T00:00:01  EXECUTE     OK       the run is RUNNING
    2099-12-01T00:01:00  EXECUTE     OK       the run is COMPLETED  LENGTH_REACHED
    2099-12-01T00:11:00  IMAGE_PULL  FAILED   no such image: a  IMAGE_NOT_FOUND
    ");
    insta::assert_snapshot!(notes, @r"
    note: run r1
    note: run r1 is COMPLETED, LENGTH_REACHED
    note: the next run of job exp is to start at 2099-12-01T00:10:00
    note: run r2
    note: run r2 is FAILED, IMAGE_NOT_FOUND: no such image: a
    ");
    // It stands for a job whose last run does not come.
    let plane = Plane { runs: vec![completed("r1", 0)], booked: vec![job(None)], ..Plane::default() };
    let line = [&line[..], &["--timeout=30m"]].concat();
    let (data, notes, status) = said(&line, Format::Table, plane).await;
    assert_eq!((data.as_str(), status), ("", ExitStatus::TimedOut));
    assert!(
        notes.ends_with("error: job exp: not over within 30m\nhint: watch longer with --timeout\n"),
        "{notes}"
    );
}

#[tokio::test]
async fn a_run_is_explained_with_what_to_do() {
    let key = Key::Field(Field::DISH_LATENCY);
    let decision = TriggerDecision {
        verdict: Verdict::Met,
        at: at("00:00:00"),
        why: "dish.latency is 32 ms".into(),
        readings: vec![Reading::of(&key, Some(Value::Number(32.0)), Some(at("00:00:00")))],
    };
    let plane = || {
        let mut run = failed("r1", 0);
        run.facts.trigger = Some(decision.clone());
        let noted = vec![JobEvent::of(&run, at("00:01:00"))];
        Plane { runs: vec![run], noted, booked: vec![job(Some("dish.latency < 40"))], ..Plane::default() }
    };
    let (text, _, status) = said(&["run", "why", "r1"], Format::Table, plane()).await;
    assert_eq!(status, ExitStatus::Done);
    let told: Vec<_> =
        text.lines().filter(|line| line.split(' ').next().is_some_and(|w| w.ends_with(':'))).collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    run:        r1
    planned:    2099-12-01T00:00:00 to 2099-12-01T00:01:00 (UTC), job exp of me on node n, by schedule 0,10 0 * * *
    trigger:    MET at 2099-12-01T00:00:00 UTC: dish.latency is 32 ms, for 'dish.latency < 40'
    start:      planned for 2099-12-01T00:00:00 UTC, not begun
    status:     FAILED at stage IMAGE_PULL, 2099-12-01T00:01:00 UTC
    why:        IMAGE_NOT_FOUND: its image is neither on the node nor to be had
    message:    no such image: a
    results:    not arrived yet from node n
    ");
    assert!(text.contains("\nwhat to do: name an image that is on the node"), "{text}");
    assert!(text.contains("dish.latency  32 ") && text.contains("IMAGE_PULL"), "{text}");

    let (json, ..) = said(&["run", "why", "--runid=r1"], Format::Json, plane()).await;
    let json: serde_json::Value = serde_json::from_str(&json).expect("json");
    assert_eq!(json["run"], "r1");
    assert_eq!(json["planned"]["schedule"], "0,10 0 * * *");
    assert_eq!(
        (&json["trigger"]["verdict"], &json["trigger"]["condition"]),
        (&"MET".into(), &"dish.latency < 40".into())
    );
    assert_eq!(json["steps"][0]["stage"], "IMAGE_PULL");
    assert_eq!((&json["status"], &json["reason"]), (&"FAILED".into(), &"IMAGE_NOT_FOUND".into()));
    assert_eq!(json["meaning"], Reason::ImageNotFound.meaning());
    assert_eq!(json["advice"], Reason::ImageNotFound.advice());
    assert_eq!(json["waits_for"], serde_json::Value::Null);

    // One that has not ended says what it waits for.
    let waiting = Plane { runs: vec![planned("r1", 0, RunStatus::Scheduled)], ..Plane::default() };
    let (text, ..) = said(&["run", "why", "r1"], Format::Table, waiting).await;
    assert!(text.contains("waits for:  its planned start at 2099-12-01T00:00:00 UTC"), "{text}");
    assert!(!text.contains("what to do"), "{text}");
    let error = refusal(&["run", "why"]).await;
    assert_eq!(error.message(), "no run to explain is named");
}

#[tokio::test]
async fn runs_are_counted() {
    let started = Some(at("00:00:00.0015"));
    let late = Run { started, ..completed("r1", 0) };
    let runs = vec![planned("r3", 20, RunStatus::Scheduled), failed("r2", 10), late];
    let plane = || Plane { runs: runs.clone(), ..Plane::default() };
    let (json, ..) = said(&["run", "stats", "--jobid=exp"], Format::Json, plane()).await;
    let json: serde_json::Value = serde_json::from_str(&json).expect("json");
    assert_eq!(
        json,
        serde_json::json!([{
            "job": "exp",
            "planned": 3,
            "completed": 1,
            "skipped": 0,
            "missed": 0,
            "failed": 1,
            "aborted": 0,
            "open": 1,
            "coverage_percent": 50.0,
            "median_lateness_ms": 1.5,
            "worst_lateness_ms": 1.5,
            "reasons": { "IMAGE_NOT_FOUND": 1 },
        }])
    );
    let (table, ..) = said(&["run", "stats"], Format::Table, plane()).await;
    assert!(table.contains("IMAGE_NOT_FOUND 1") && table.contains("50.0"), "{table}");
    let (_, notes, _) = said(&["run", "stats", "--jobid=other"], Format::Table, plane()).await;
    assert_eq!(notes, "note: no run matches\n");
}
