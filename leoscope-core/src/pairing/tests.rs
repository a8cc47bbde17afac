use super::*;
use crate::ids::{JobId, UserId};
use crate::model::{Exit, JobParams, RunLength, TaskStatus};
use crate::schedule::{CronExpr, Policies, Schedule};
use crate::time::parse_time;

const START: &str = "2026-12-01T10:00:00";

fn at(secs: i64) -> Timestamp {
    parse_time(START).expect("time").checked_add(SignedDuration::from_secs(secs)).expect("time")
}

fn id(text: &str) -> NodeId {
    NodeId::parse(text).expect("id")
}

/// Runs of a minute, every hour.
fn job() -> Job {
    Job {
        id: JobId::parse("exp").expect("id"),
        owner: UserId::parse("researcher-1").expect("id"),
        node: id("client"),
        server: Some(id("server")),
        schedule: Schedule::Cron(CronExpr::parse("0 * * * *").expect("cron")),
        window: Window::new(at(-7200), at(7200)).expect("window"),
        length: RunLength::from_secs(60).expect("length"),
        overhead: true,
        trigger: None,
        config: "docker: {image: a}".into(),
        params: JobParams::default(),
        policies: Policies::default(),
        shift: SignedDuration::ZERO,
        created: at(-7200),
        since: at(-7200),
        deleted: None,
    }
}

fn client() -> JournalEntry {
    let job = job();
    let window = Window::new(at(0), at(60)).expect("window");
    let run = RunId::derive(&job.id, job.created, window.start());
    JournalEntry::new(Run::planned(run, job.id.clone(), job.node.clone(), job.owner.clone(), window), job)
}

/// `task` as the orchestrator gives it.
fn given(task: NewTask, now: Timestamp) -> Task {
    let NewTask { id, kind, run, job, node, ttl } = task;
    Task { id, kind, run, job, node, ttl, status: TaskStatus::Scheduled, created: now, address: None }
}

fn server() -> JournalEntry {
    let asked = ask(&client(), &id("server"), at(-25)).expect("task");
    server_side(&job(), &given(asked, at(-25)), &id("server"), at(-24)).expect("server side")
}

#[test]
fn a_node_is_asked_around_the_runs_it_serves_and_at_no_other_time() {
    let serve = |secs| serving(&[job()], &id("server"), at(secs));
    assert_eq!(serve(-36), Serving::From(at(-35)));
    assert_eq!(serve(-35), Serving::Soon);
    assert_eq!(serve(14), Serving::Soon);
    assert_eq!(serve(15), Serving::Perhaps);
    assert_eq!(serve(59), Serving::Perhaps);
    assert_eq!(serve(60), Serving::From(at(3565)));
    assert_eq!(serve(7200), Serving::Never);
    assert_eq!(serving(&[job()], &id("client"), at(0)), Serving::Never, "it asks, and is not asked");
    let sooner = Job { schedule: Schedule::Once, window: Window::new(at(300), at(400)).expect("w"), ..job() };
    assert_eq!(serving(&[job(), sooner], &id("server"), at(60)), Serving::From(at(265)));
}

#[test]
fn the_server_side_has_the_window_of_the_client_and_an_id_of_its_own() {
    let (client, server) = (client(), server());
    assert_eq!(server.run.planned, client.run.planned);
    assert_eq!(server.run.id.as_str(), format!("{}_server", client.run.id));
    assert_eq!(server.run.id.client_side(), client.run.id);
    assert_eq!((client.part(), server.part()), (Part::Client, Part::Server));
    assert_eq!((client.peer(), server.peer()), (Some(&id("server")), Some(&id("client"))));
    let alone = Job { server: None, ..job() };
    assert_eq!(JournalEntry { job: alone, ..client }.part(), Part::Alone);
}

#[test]
fn a_client_of_another_make_is_served_for_as_long_as_its_task_stands() {
    let foreign = Task {
        run: RunId::parse("0f3a").expect("id"),
        ttl: TaskTtl::try_from(90).expect("ttl"),
        ..given(ask(&client(), &id("server"), at(1)).expect("task"), at(1))
    };
    let server = server_side(&job(), &foreign, &id("server"), at(3)).expect("server side");
    assert_eq!(server.run.id.as_str(), "0f3a_server");
    assert_eq!(server.run.planned, Window::new(at(3), at(91)).ok());
    let long = Task { run: RunId::parse(&"r".repeat(125)).expect("id"), ..foreign };
    server_side(&job(), &long, &id("server"), at(3)).expect_err("no room for an id");
}

#[test]
fn a_server_starts_ahead_unless_another_has_the_node() {
    let (client, server) = (client(), server());
    assert_eq!(starts_at(&client, &[]), Some(at(0)));
    assert_eq!(starts_at(&server, std::slice::from_ref(&server)), Some(at(-5)));
    let mut before = client.clone();
    before.run.id = RunId::parse("before").expect("id");
    before.run.planned = Window::new(at(-60), at(0)).ok();
    assert_eq!(starts_at(&server, std::slice::from_ref(&before)), Some(at(0)), "until the other has ended");
    before.step = Step::Done;
    assert_eq!(starts_at(&server, std::slice::from_ref(&before)), Some(at(-5)));
    (before.step, before.job.overhead) = (Step::Executing, false);
    assert_eq!(starts_at(&server, &[before]), Some(at(-5)), "others may be there");
}

#[test]
fn each_side_tells_the_other_when_it_matters() {
    let told = |entry: &JournalEntry| word(entry, at(10)).expect("word").map(|task| (task.kind, task.node));
    let (mut client, mut server) = (client(), server());
    client.outcome = Some(Outcome::new(RunStatus::Completed, Stage::Execute, Reason::ExperimentEnded, ""));
    assert_eq!(told(&client), Some((TaskKind::ServerStop, id("server"))));
    server.outcome = client.outcome.clone();
    assert_eq!(told(&server), None, "a server that has done its part");
    server.outcome = Some(Outcome::failed(Stage::Execute, Reason::ContainerExitNonzero, ""));
    assert_eq!(told(&server), Some((TaskKind::ServerStop, id("client"))));
    let stop = word(&client, at(10)).expect("word").expect("task");
    assert_eq!((stop.ttl.secs(), stop.run.clone()), (110, client.run.id.clone()));
    let over = word(&server, at(10)).expect("word").expect("task");
    assert_ne!(over.id, stop.id);
    assert_eq!(over.run, client.run.id, "both speak of the client's run");
    assert!(is_worth_telling(&client, at(59)) && !is_worth_telling(&client, at(60)));
    for entry in [&mut client, &mut server] {
        assert!(!entry.is_to_tell(), "it is under way");
        entry.step = Step::Collecting;
        assert!(entry.is_to_tell() && !entry.is_settled());
        entry.told = true;
        assert!(!entry.is_to_tell());
    }
}

#[test]
fn a_side_without_its_other_side_ends_with_the_reason() {
    let (client, server) = (client(), server());
    let end = peer_ended(&client);
    assert_eq!((end.status, end.reason), (RunStatus::Failed, Reason::PeerEnded));
    assert!(end.message.contains(server.run.id.as_str()), "{}", end.message);
    let end = peer_ended(&server);
    assert_eq!((end.status, end.reason), (RunStatus::Completed, Reason::PeerEnded));
    assert!(end.message.contains(client.run.id.as_str()), "{}", end.message);
    assert_eq!(peer_silent(&client, Some(at(0)), at(60)), None);
    let silent = peer_silent(&client, Some(at(0)), at(61)).expect("silent");
    assert_eq!((silent.status, silent.reason), (RunStatus::Failed, Reason::PeerSilent));
    assert!(silent.message.contains("server") && silent.message.contains("10:00:00"), "{}", silent.message);
    peer_silent(&server, None, at(0)).expect("it has never called");
    let alone = JournalEntry { job: Job { server: None, ..job() }, ..client };
    assert_eq!(peer_silent(&alone, None, at(0)), None);
}

#[test]
fn the_life_of_a_server_side_ends_as_completed_when_its_client_is_over() {
    use crate::lifecycle::{Action, Event, advance};
    use crate::model::Prepared;
    let mut entry = server();
    let exit = Exit { code: Some(143), out_of_memory: false, at: at(31) };
    let events = [
        (Event::Begin, Some(Action::Prepare), -24),
        (Event::Prepared(Prepared::PLAIN), Some(Action::AwaitStart), -20),
        (Event::Due { clock_offset_us: None }, Some(Action::Start), -5),
        (Event::Started(at(-5)), Some(Action::Watch), -5),
        (Event::Cancelled(peer_ended(&server())), Some(Action::Stop), 30),
        (Event::Exited(exit), Some(Action::Collect), 31),
        (Event::Collected, None, 32),
    ];
    for (event, action, now) in events {
        assert_eq!(advance(&mut entry, event, at(now)), action);
    }
    assert_eq!(entry.run.status, RunStatus::Completed);
    assert_eq!(entry.run.reason.as_deref(), Some("PEER_ENDED"));
    assert_eq!(entry.run.exit_code, Some(143));
}
