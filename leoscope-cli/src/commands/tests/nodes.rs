//! What is said of nodes and their bookings.

use std::ffi::OsString;

use clap::CommandFactory as _;
use leoscope_core::schedule::Schedule;
use leoscope_core::time::to_micros;

use super::fetching::Buffer;
use super::*;
use crate::legacy;

pub(super) fn node(id: &str, public_ip: &str, coords: &str) -> Node {
    let registered = parse_time("2026-11-01T00:00:00").expect("time");
    Node {
        id: NodeId::parse(id).expect("id"),
        name: String::new(),
        description: String::new(),
        coords: coords.parse().ok(),
        location: "Seattle".into(),
        provider: "starlink".into(),
        public_ip: public_ip.into(),
        owner: None,
        scheduling_enabled: true,
        standby: Standbys::default(),
        time_zone: None,
        clock_offset_us: None,
        portal: PortalNotes::default(),
        registered,
        last_active: None,
        contact_since: None,
    }
}

fn event(job: &str, on: &str, server: Option<&str>, start: &str) -> CalendarEvent {
    let id = |text: &str| NodeId::parse(text).expect("id");
    CalendarEvent {
        run: RunId::parse(&format!("{job}-run")).ok(),
        job: JobId::parse(job).expect("id"),
        owner: None,
        node: id(on),
        server: server.map(id),
        window: Window::lasting(parse_time(start).expect("time"), SignedDuration::from_mins(60))
            .expect("window"),
        schedule: Schedule::Once,
        overhead: true,
        trigger: None,
        params: JobParams::default(),
    }
}

fn plane() -> Plane {
    Plane {
        nodes: vec![node("a", "192.0.2.1", "47.6,-122.3"), node("b", "", "51.5,-0.1")],
        planned: vec![
            event("late", "a", Some("b"), "2026-12-01T09:00:00"),
            event("early", "b", None, "2026-12-01T08:00:00"),
            event("night", "a", None, "2026-11-30T23:30:00"),
        ],
        ..Plane::default()
    }
}

/// What a line in any of the forms prints, on standard output and on standard error, and what was asked.
async fn said(line: &str, plane: Plane) -> (String, String, Result<ExitStatus>, Vec<String>) {
    let args: Vec<OsString> = format!("leoscope {line}").split(' ').map(OsString::from).collect();
    let args = legacy::rewrite(args, &Cli::command());
    let words: Vec<&str> = args.iter().skip(1).map(|arg| arg.to_str().expect("text")).collect();
    let Cli { global, .. } = Cli::try_parse_from(&args).expect(line);
    let (data, messages) = (Buffer::default(), Buffer::default());
    let out = Output::into_writers(global.output, global.quiet, data.clone(), messages.clone());
    let plane = Arc::new(plane);
    let status = execute_into(&words, &plane, &out).await;
    let calls = std::mem::take(&mut *plane.calls.lock().expect("calls"));
    (data.text(), messages.text(), status, calls)
}

const RANGE: &str = "2026-12-01T00:00:00,2026-12-02T00:00:00";

#[tokio::test]
async fn planned_runs_of_all_nodes_come_in_order_of_time_and_once() {
    let line = format!("run --action=get-scheduled --time-range={RANGE}");
    let (data, messages, status, calls) = said(&line, plane()).await;
    insta::assert_snapshot!(data, @"
    start (UTC)          end (UTC)            job    owner  node  server  schedule  overhead  run
    2026-12-01T08:00:00  2026-12-01T09:00:00  early  -      b     -       -         yes       early-run
    2026-12-01T09:00:00  2026-12-01T10:00:00  late   -      a     b       -         yes       late-run
    ");
    assert_eq!((messages.as_str(), status.ok()), ("", Some(ExitStatus::Done)));
    let range = "[2026-12-01T00:00:00, 2026-12-02T00:00:00)";
    assert_eq!(calls[1..], [format!("calendar a {range}"), format!("calendar b {range}")]);

    let line = format!("run get-scheduled --nodeid=b --jobid=early --time-range={RANGE} --output=json");
    let (data, _, _, calls) = said(&line, plane()).await;
    assert_eq!(calls, [format!("calendar b {range}")]);
    let json: serde_json::Value = serde_json::from_str(&data).expect("json");
    assert_eq!(json.as_array().map(Vec::len), Some(1));
    assert_eq!(json[0]["job"], "early");
    assert_eq!(json[0]["start"], "2026-12-01T08:00:00Z");
    assert_eq!(json[0]["length_secs"], 3600.0);

    let line = format!("run get-scheduled --runid=late-run --time-range={RANGE} --quiet");
    assert_eq!(said(&line, plane()).await.0, "late-run\n");
}

#[tokio::test]
async fn what_is_missing_of_a_list_is_said() {
    let (_, messages, ..) =
        said(&format!("run get-scheduled --nodeid=busy --time-range={RANGE}"), plane()).await;
    assert_eq!(
        messages,
        "note: no run is planned in [2026-12-01T00:00:00, 2026-12-02T00:00:00) that matches\n\
         note: these are not all: there are more planned runs than one answer tells, ask for less time\n"
    );
    let (_, _, status, calls) = said("run get-scheduled --nodeid=b", plane()).await;
    assert_eq!(status.ok(), Some(ExitStatus::Done));
    assert_eq!(calls.len(), 1);
}

#[tokio::test]
async fn a_calendar_also_shows_what_began_the_day_before() {
    let (data, messages, _, calls) =
        said("job calendar --nodeid=a,b,a --from=2026-12-01 --days=1", plane()).await;
    insta::assert_snapshot!(data, @"
    day (UTC)       node  00    03    06    09    12    15    18    21
    Tue 2026-12-01  a     A·················CC····························
                    b     ················BBCC····························

    mark  job    owner  schedule  length (s)  runs
    A     night  -      -         3600        1
    B     early  -      -         3600        1
    C     late   -      -         3600        1

    capitals and █: needs the link for itself; small letters and ▒: others may run beside it
    ");
    assert_eq!(messages, "");
    let asked = "[2026-11-30T00:00:00, 2026-12-02T00:00:00)";
    assert_eq!(calls, [format!("calendar a {asked}"), format!("calendar b {asked}")]);

    let line = "job calendar --nodeid=b --from=2026-12-01 --days=1 --jobid=other --output=jsonl";
    let (data, messages, ..) = said(line, plane()).await;
    assert_eq!(data.lines().count(), 2);
    assert!(messages.starts_with("note: no run of job other is planned there in ["), "{messages}");
    for bad in ["--days=0", "--days=15", "--from=soon"] {
        assert!(Cli::try_parse_from(["leoscope", "job", "calendar", "--nodeid=a", bad]).is_err(), "{bad}");
    }
}

#[tokio::test]
async fn a_status_is_of_one_node_or_of_all() {
    let (data, _, status, calls) = said("node status", plane()).await;
    assert_eq!(status.ok(), Some(ExitStatus::Done));
    insta::assert_snapshot!(data, @"
    id  state    last seen  runs  next start (UTC)  next job
    a   offline  never      -     -                 -
    b   offline  never      -     -                 -
    ");
    assert_eq!(calls.iter().filter(|call| *call == "runs limit Some(50)").count(), 2);
    assert_eq!(calls.iter().filter(|call| call.starts_with("calendar ")).count(), 2);

    let mut soon = event("soon", "a", None, "2026-12-01T00:00:00");
    let start = to_micros(Timestamp::now()) + SignedDuration::from_mins(5);
    soon.window = Window::lasting(start, SignedDuration::from_mins(1)).expect("window");
    for line in ["node status a --output=json", "node status --nodeid=a --output=json"] {
        let plane = Plane { planned: vec![soon.clone()], ..plane() };
        let json: serde_json::Value = serde_json::from_str(&said(line, plane).await.0).expect("json");
        assert_eq!((&json["node"]["id"], &json["next"][0]["job"]), (&"a".into(), &"soon".into()));
    }
    let (data, ..) = said("node status a", Plane { planned: vec![soon.clone()], ..plane() }).await;
    assert!(data.starts_with("a: offline\nlast call:  never\n"), "{data}");
    assert!(data.contains("\n\ncomes next:\nstart (UTC)"), "{data}");

    let error = said("node status c", plane()).await.2.expect_err("no such node");
    assert_eq!((error.kind(), error.message()), (ErrorKind::NotFound, "there is no node c that matches"));
    assert!(Cli::try_parse_from(["leoscope", "node", "status", "a", "--nodeid=b"]).is_err());
}

#[tokio::test]
async fn a_map_has_a_legend_and_is_a_list_for_programs() {
    let (data, _, _, calls) = said("node map --active", plane()).await;
    assert!(data.contains("\n1     a   Seattle   47.6,-122.3  offline\n"), "{data}");
    assert!(calls[0].contains("active_within: Some(10m)"), "{calls:?}");
    let (data, _, _, calls) = said("node map --quiet", plane()).await;
    assert_eq!(data, "a\nb\n");
    assert!(calls[0].contains("active_within: None"), "{calls:?}");
}

#[tokio::test]
async fn nodes_are_found_by_place_and_address() {
    for (filter, found) in [
        ("--coords=47.6,-122.3", "a\n"),
        ("--coords -47.6,122.3", ""),
        ("--public-ip=192.0.2.1", "a\n"),
        ("--public-ip=192.0.2.1 --coords=51.5,-0.1", ""),
    ] {
        assert_eq!(said(&format!("node --action=get {filter} --quiet"), plane()).await.0, found, "{filter}");
    }
}

#[tokio::test]
async fn a_service_is_allowed_or_not_or_the_caller_may_not_ask() {
    let allowed = "services --name=kernel --action=verify --verify-userid=trusted";
    let (data, messages, status, calls) = said(allowed, plane()).await;
    assert_eq!(messages, "note: SUCCESS: experiments of user trusted may change kernel settings\n");
    assert_eq!((data.as_str(), status.ok(), calls.len()), ("", Some(ExitStatus::Done), 1));

    let refused = "services verify --name=kernel --verify-userid=plain --output=jsonl";
    let admin = || Plane { may_ask: true, ..plane() };
    let (data, _, status, _) = said(refused, admin()).await;
    assert_eq!(data, "{\"userid\":\"plain\",\"service\":\"kernel\",\"allowed\":false}\n");
    assert_eq!(status.ok(), Some(ExitStatus::Refused));
    let (_, messages, status, _) = said("services verify --name=kernel --verify-userid=plain", admin()).await;
    assert_eq!(messages, "note: FAILED: experiments of user plain may not change kernel settings\n");
    assert_eq!(status.ok(), Some(ExitStatus::Refused));

    let (_, _, status, calls) = said(refused, plane()).await;
    assert_eq!(status.expect_err("may not ask").kind(), ErrorKind::PermissionDenied);
    assert_eq!(calls, ["kernel_access plain"]);

    let line = ["leoscope", "services", "verify", "--name=nat", "--verify-userid=u"];
    let error = Cli::try_parse_from(line).expect_err("no such service").to_string();
    assert!(error.contains("kernel"), "{error}");
}
