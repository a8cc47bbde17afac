//! Booking on several nodes, and jobs as files.

use std::fs;

use leoscope_core::conflict::{Conflict, Refusal};

use super::fetching::Buffer;
use super::*;
use crate::output::{Style, Typed};

/// A plane on which these nodes are taken.
fn taken(nodes: &[&str]) -> Arc<Plane> {
    let nodes = nodes.iter().map(|node| NodeId::parse(node).expect("id")).collect();
    Arc::new(Plane { taken: nodes, ..Plane::default() })
}

pub(super) fn conflict(spec: &JobSpec) -> Error {
    let conflict = Conflict {
        job: JobId::parse("other").expect("id"),
        owner: UserId::parse("somebody").expect("id"),
        node: spec.node.clone(),
        wanted: spec.window,
        taken: spec.window,
        clashing: 1,
    };
    let refusal = Refusal { conflicts: vec![conflict], ..Refusal::default() };
    Error::conflict(format!("schedule conflict: node {} is taken", spec.node), refusal)
}

/// Runs `job schedule` with these options and gives the calls, what was printed, and how it ended.
async fn schedule(options: &str, plane: &Arc<Plane>) -> (Vec<String>, String, Result<ExitStatus>) {
    let dir = tempfile::tempdir().expect("directory");
    let config = dir.path().join("experiment-config.yaml");
    fs::write(&config, "docker: {image: a}").expect("config");
    let config = format!("--exp-config={}", config.display());
    let mut line = vec!["job", "schedule", "--start-date=2026-12-01T00:00", "--length=60", config.as_str()];
    line.extend(options.split(' '));
    let buffer = Buffer::default();
    let out = Output::into_writers(Format::Table, false, buffer.clone(), buffer.clone());
    let outcome = execute_into(&line, plane, &out).await;
    let names = |call: &String| call.split(" JobSpec").next().expect("name").to_owned();
    let calls = plane.calls.lock().expect("calls").clone();
    let calls = calls.iter().map(|call| match call.split_once("JobSpec") {
        Some((name, spec)) => {
            let part = |key: &str| {
                let from = spec.split_once(key).map_or("", |(_, rest)| rest);
                from.split([',', ')']).next().unwrap_or_default().trim_matches(['"', ' ', '(']).to_owned()
            };
            format!("{}{} on {}", name, part("id: Some("), part("node: "))
        }
        None => names(call),
    });
    (calls.collect(), buffer.text(), outcome)
}

#[tokio::test]
async fn a_job_is_booked_on_each_of_several_nodes() {
    let (calls, text, outcome) = schedule("--jobid=j --nodeid=a,b --nodeid=a", &taken(&[])).await;
    assert_eq!(calls, ["schedule_job j-a on a", "schedule_job j-b on b"]);
    assert_eq!(outcome.expect("booked"), ExitStatus::Done);
    insta::assert_snapshot!(text, @r"
    job  node
    j-a  a
    j-b  b
    note: 2 of 2 jobs are booked
    ");
}

#[tokio::test]
async fn what_is_refused_on_one_node_is_told_and_the_others_are_booked() {
    let (calls, text, outcome) = schedule("--jobid=j --nodeid=a,b,c", &taken(&["b"])).await;
    assert_eq!(calls.len(), 3, "{calls:?}");
    assert_eq!(outcome.expect("told"), ExitStatus::Refused);
    insta::assert_snapshot!(text, @r"
    error: node b: schedule conflict: node b is taken
    conflict: job other of somebody holds b for [2026-12-01T00:00:00, 2026-12-01T00:01:00), wanted for [2026-12-01T00:00:00, 2026-12-01T00:01:00)
    job  node
    j-a  a
    j-c  c
    note: 2 of 3 jobs are booked
    ");
}

#[tokio::test]
async fn all_or_nothing_is_booked_where_that_is_asked_for() {
    let (calls, text, outcome) = schedule("--jobid=j --nodeid=a,b --atomic", &taken(&["b"])).await;
    assert_eq!(outcome.expect("told"), ExitStatus::Refused);
    assert!(calls.iter().all(|call| call.starts_with("plan_job")), "{calls:?}");
    assert!(text.ends_with("note: nothing was booked\n"), "{text}");

    // Somebody was faster after it had been looked at.
    let plane = Arc::new(Plane { taken_later: vec![NodeId::parse("b").expect("id")], ..Plane::default() });
    let (calls, _, outcome) = schedule("--jobid=j --nodeid=a,b --atomic", &plane).await;
    assert_eq!(calls[2..], ["schedule_job j-a on a", "schedule_job j-b on b", "delete_job j-a"]);
    let error = outcome.expect_err("refused");
    assert_eq!(error.message(), "node b: schedule conflict: node b is taken");
    assert_eq!(error.what_to_do(), Some("nothing stays booked"));
}

#[tokio::test]
async fn nodes_are_chosen_by_what_they_are() {
    let nodes = ["near", "far"].map(|id| nodes::node(id, "", "47.6,-122.3"));
    let plane = Arc::new(Plane { nodes: nodes.to_vec(), ..Plane::default() });
    let (calls, _, outcome) = schedule("--jobid=j --where=provider=starlink --all-active", &plane).await;
    assert_eq!(outcome.expect("booked"), ExitStatus::Done);
    assert!(calls[0].contains("provider: Some(\"starlink\")") && calls[0].contains("active_within: Some"));
    assert_eq!(calls[1..], ["schedule_job j-near on near", "schedule_job j-far on far"]);

    let (_, _, outcome) = schedule("--where=provider=oneweb", &taken(&[])).await;
    assert_eq!(outcome.expect_err("none").message(), "no node is like that");
    let (calls, _, outcome) = schedule("--jobid=j", &taken(&[])).await;
    assert_eq!(outcome.expect_err("none").message(), "no node is named");
    assert_eq!(calls, [""; 0]);
}

#[tokio::test]
async fn a_common_slot_of_all_nodes_is_looked_for() {
    let slot = Window::new(
        parse_time("2026-12-01T10:00:00").expect("time"),
        parse_time("2026-12-01T11:00:00").expect("time"),
    );
    let plane = Arc::new(Plane { slots: vec![slot.expect("window")], ..Plane::default() });
    let config = tempfile::NamedTempFile::new().expect("file");
    fs::write(config.path(), "docker: {image: a}").expect("config");
    let config = format!("--exp-config={}", config.path().display());
    let line = ["job", "schedule", "--nodeid=a,b", "--server=s", "--start=next-common-slot", "--length=60"];
    execute(&[&line[..], &[&config]].concat(), &plane).await.expect("booked");
    let calls = plane.calls.lock().expect("calls").clone();
    assert!(calls[0].starts_with("free_slots") && calls[0].contains("{\"a\", \"b\", \"s\"}"), "{}", calls[0]);
    for call in &calls[1..] {
        assert!(call.contains("[2026-12-01T10:00:00, 2026-12-01T10:01:00)"), "{call}");
    }
    let cron = ["--schedule=* * * * *", "--end=2099-01-01"];
    let error = refusal(&[&line[..], &[&config], &cron].concat()).await;
    assert_eq!(error.message(), "only a single run can start at the next common slot");
}

#[tokio::test]
async fn other_times_are_offered_as_commands_to_paste() {
    use leoscope_core::conflict::Alternative;
    use leoscope_core::schedule::{CronExpr, Schedule};
    let first = Window::new(
        parse_time("2026-12-01T01:00:00").expect("time"),
        parse_time("2026-12-01T01:01:00").expect("time"),
    )
    .expect("window");
    let alternatives = vec![
        Alternative { schedule: Schedule::Once, first },
        Alternative { schedule: Schedule::Cron(CronExpr::parse("7 * * * *").expect("cron")), first },
    ];
    let spec = JobSpec::from_file(
        "{leoscope_job: 1, node: n, start: 2026-12-01T00:00:00, end: 2026-12-01T00:01:00, length_secs: 60, config: ''}",
    )
    .expect("job");
    let error = Error::conflict("taken", Refusal { alternatives, ..Refusal::default() });
    let buffer = Buffer::default();
    let start = "--start-date=2026-12-01T00:00:00";
    let typed = ["leoscope", "job", "schedule", "--nodeid=n", start, "--end=2026-12-01T00:01:00"];
    let style = Style { typed: Typed::new(&typed.map(Into::into)), ..Style::default() };
    let out = Output::in_style(style, std::io::sink(), buffer.clone());
    super::super::job::offer(&error, &spec, &out);
    insta::assert_snapshot!(buffer.text(), @r"
    try: leoscope job schedule --nodeid=n --start-date=2026-12-01T01:00:00 --end-date=2026-12-01T01:01:00
    try: leoscope job schedule --nodeid=n --start-date=2026-12-01T00:00:00 --schedule='7 * * * *' --end-date=2026-12-01T01:01:00
    ");
}

#[tokio::test]
async fn a_job_goes_into_a_file_and_out_of_it_again() {
    let spec = JobSpec::from_file(
        "{leoscope_job: 1, id: j, node: n, schedule: '*/5 * * * *', start: 2026-12-01T00:00:00, end: 2026-12-02T00:00:00, length_secs: 60, trigger: 'dish.latency < 40', config: 'docker: {image: a}'}",
    )
    .expect("job");
    let job = spec
        .clone()
        .check(UserId::parse("me").expect("id"), parse_time("2026-11-30T00:00:00").expect("time"));
    let plane = Arc::new(Plane { booked: vec![job.expect("job")], ..Plane::default() });
    let dir = tempfile::tempdir().expect("directory");
    let file = dir.path().join("job.yaml");
    let file = file.to_str().expect("path");
    execute(&["job", "export", "--jobid=j", &format!("--file={file}")], &plane).await.expect("written");
    assert_eq!(JobSpec::from_file(&fs::read_to_string(file).expect("file")).expect("job"), spec);

    let start = "--start-date=2026-12-05T00:00:00";
    execute(&["job", "import", file, "--jobid=k", "--nodeid=m", start], &plane).await.expect("booked");
    execute(&["job", "clone", "--from=j", "--trigger=", "--length=30"], &plane).await.expect("booked");
    let calls = plane.calls.lock().expect("calls").clone();
    let booked: Vec<&String> = calls.iter().filter(|call| call.starts_with("schedule_job")).collect();
    let expected = [
        ["id: Some(\"k\")", "node: \"m\"", "[2026-12-05T00:00:00, 2026-12-06T00:00:00)", "dish.latency"],
        ["id: None", "node: \"n\"", "[2026-12-01T00:00:00, 2026-12-02T00:00:00)", "trigger: None"],
    ];
    for (call, parts) in booked.iter().zip(expected) {
        for part in parts {
            assert!(call.contains(part), "{part} in {call}");
        }
    }
    let missing = execute(&["job", "clone", "--from=nothing"], &plane).await.expect_err("unknown");
    assert_eq!(missing.message(), "there is no job nothing");
    let broken = refusal(&["job", "import", "/nowhere/job.yaml"]).await;
    assert!(broken.message().starts_with("job file /nowhere/job.yaml cannot be read"), "{broken}");
}
