//! What clients and nodes of the public testbed see: texts, flags and statuses as they know them.

use leoscope_core::model::{NodeUpdate, Role, Secret};
use leoscope_core::ports::ControlPlane as _;
use leoscope_core::proto::listing::decoded;
use leoscope_core::proto::unary::leotest_orchestrator_client::LeotestOrchestratorClient;
use leoscope_core::proto::{metadata, unary};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Request, Status};

use crate::world::{World, user};

type Existing = LeotestOrchestratorClient<
    tonic::service::interceptor::InterceptedService<
        Channel,
        Box<dyn FnMut(Request<()>) -> Result<Request<()>, Status> + Send>,
    >,
>;

/// A client that sends all three credentials, the unused one empty, and trusts the certificate as
/// the name `localhost`.
pub(crate) async fn existing(world: &World, user: &str, token: &Secret) -> Existing {
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(&world.certificate))
        .domain_name("localhost");
    let endpoint = Endpoint::from_shared(format!("https://{}", world.address)).expect("endpoint");
    let channel = endpoint.tls_config(tls).expect("tls").connect().await.expect("connected");
    let headers = [
        (metadata::USER, user.to_owned()),
        (metadata::TOKEN, token.expose().to_owned()),
        (metadata::JWT, String::new()),
    ];
    LeotestOrchestratorClient::with_interceptor(
        channel,
        Box::new(move |mut request: Request<()>| {
            for (name, value) in &headers {
                request.metadata_mut().insert(*name, value.parse().expect("header"));
            }
            Ok(request)
        }),
    )
}

/// A booking as an existing client sends it: no user id, no empty optional fields.
fn booking(jobid: &str) -> unary::ScheduleJobRequest {
    unary::ScheduleJobRequest {
        id: jobid.into(),
        nodeid: "node-1".into(),
        params: Some(unary::JobParams { mode: "docker".into(), ..Default::default() }),
        schedule: "*/10 * * * *".into(),
        start_date: "2040-01-01 00:00:00".into(),
        end_date: "2040-01-02T00:00:00+00:00".into(),
        length_secs: 60,
        overhead: true,
        config: "experiment:\n  docker: {image: a, execute: {name: b}}\n".into(),
        ..Default::default()
    }
}

#[tokio::test]
async fn texts_that_scripts_match_are_word_for_word() {
    let world = World::start().await;
    let mut admin = existing(&world, "admin", &world.admin_token).await;
    let mut said = Vec::new();

    let user = unary::RegisterUserRequest { id: "u1".into(), role: 1, ..Default::default() };
    let first = admin.register_user(user.clone()).await.expect("answer").into_inner();
    let token = first.message.strip_prefix("user registered access_token=").expect("token at the end");
    let mut researcher = existing(&world, "u1", &Secret::new(token)).await;
    let again = admin.register_user(user).await.expect("answer").into_inner();
    said.push((again.state, again.message));
    let modify = |id: &str| unary::ModifyUserRequest { id: id.into(), role: 1, ..Default::default() };
    for id in ["u1", "u2"] {
        let answer = admin.modify_user(modify(id)).await.expect("answer").into_inner();
        said.push((answer.state, answer.message));
    }
    let denied = researcher.modify_user(modify("u1")).await.expect("answer").into_inner();
    said.push((denied.state, denied.message));

    let node = unary::Node { nodeid: "node-1".into(), coords: "1,2".into(), ..Default::default() };
    let register = unary::RegisterNodeRequest { node: Some(node) };
    let first = admin.register_node(register.clone()).await.expect("answer").into_inner();
    assert!(first.message.starts_with("node successfully registered access_token="));
    let again = admin.register_node(register).await.expect("answer").into_inner();
    said.push((again.state, again.message));
    for nodeid in ["node-1", "node-2"] {
        let update = unary::UpdateNodeRequest { nodeid: nodeid.into(), ..Default::default() };
        let answer = admin.update_node(update).await.expect("answer").into_inner();
        said.push((answer.state, answer.message));
    }

    for jobid in ["j1", "j1"] {
        let answer = researcher.schedule_job(booking(jobid)).await.expect("answer").into_inner();
        said.push((answer.state, answer.message));
    }
    let conflict = researcher.schedule_job(booking("j2")).await.expect("answer").into_inner();
    assert!(conflict.message.starts_with("schedule conflict:"), "{}", conflict.message);
    assert_eq!(conflict.state, 1);
    for jobid in ["j1", "j1"] {
        let delete = unary::DeleteJobRequest { jobid: jobid.into() };
        let answer = researcher.delete_job_by_id(delete).await.expect("answer").into_inner();
        said.push((i32::from(!answer.exists), answer.message));
    }
    let delete = unary::DeleteJobsOnNodeRequest { nodeid: "node-1".into() };
    let answer = admin.delete_jobs_by_nodeid(delete).await.expect("answer").into_inner();
    said.push((answer.num_deleted, answer.message));
    let delete = unary::DeleteNodeRequest { nodeid: "node-1".into(), delete_jobs: false };
    let answer = admin.delete_node(delete).await.expect("answer").into_inner();
    said.push((answer.state, answer.message));
    let config = unary::UpdateSettingsRequest { config: Some(Default::default()) };
    let answer = admin.update_global_config(config).await.expect("answer").into_inner();
    said.push((answer.state, answer.message));
    let delete = unary::DeleteUserRequest { userid: "u1".into() };
    let answer = admin.delete_user(delete).await.expect("answer").into_inner();
    said.push((answer.state, answer.message));

    let said: Vec<String> = said.into_iter().map(|(state, message)| format!("{state} {message}")).collect();
    assert_eq!(
        said,
        [
            "1 user with given id already exists",
            "0 user updated",
            "1 user with given id does not exist",
            "1 permission denied: userid=u1 and role=USER",
            "1 node with the given id exists",
            "0 updated node successfully",
            "1 node with given id does not exist",
            "0 job successfully scheduled",
            "1 job with the given id exists",
            "0 deleted job successfully",
            "1 job with given jobid does not exist",
            "0 deleted records successfully",
            "0 node deleted",
            "0 config updated",
            "0 user deleted",
        ]
    );
}

#[tokio::test]
async fn an_existing_node_gets_what_it_cannot_live_without() {
    let world = World::start().await;
    let mut admin = existing(&world, "admin", &world.admin_token).await;
    let node = unary::Node { nodeid: "node-1".into(), coords: "1,2".into(), ..Default::default() };
    let answer = admin.register_node(unary::RegisterNodeRequest { node: Some(node) }).await.expect("answer");
    let token = answer.into_inner().message.rsplit_once('=').expect("token").1.to_owned();
    let mut node = existing(&world, "node-1", &Secret::new(token)).await;
    let once = unary::ScheduleJobRequest { r#type: 1, schedule: String::new(), ..booking("j1") };
    let answer = admin.schedule_job(once).await.expect("answer").into_inner();
    assert_eq!((answer.state, answer.jobid.as_str()), (0, "j1"));

    let beat = unary::HeartbeatRequest {
        nodeid: "node-1".into(),
        timezone: Some("Europe/Paris".into()),
        clock_offset_us: None,
    };
    assert!(node.report_heartbeat(beat).await.expect("answer").into_inner().received);
    let scavenger = unary::GetScavengerStatusRequest { nodeid: "node-1".into() };
    assert!(!node.get_scavenger_status(scavenger).await.expect("answer").into_inner().found);
    let tasks = unary::GetTasksRequest { nodeid: Some("node-1".into()), ..Default::default() };
    assert!(node.get_tasks(tasks).await.expect("answer").into_inner().tasks.is_empty());

    let list = unary::GetJobsOnNodeRequest { nodeid: "node-1".into() };
    let list = node.get_jobs_by_nodeid(list).await.expect("answer").into_inner();
    assert!(list.exists);
    let job = decoded(list.jobs.first().expect("job").clone()).expect("well formed");
    let params = job.params.as_ref().expect("params");
    for text in [&params.mode, &params.deploy, &params.execute, &params.finish, &job.userid, &job.config] {
        assert!(!text.is_empty());
    }
    assert_eq!(
        (job.start_date.as_str(), job.end_date.as_str()),
        ("2040-01-01T00:00:00", "2040-01-02T00:00:00")
    );
    assert_eq!((job.length_secs, &job.trigger, &job.server), (60, &None, &None));

    let config = node.get_global_config(unary::GetSettingsRequest {}).await.expect("answer").into_inner();
    let config = config.config.expect("config");
    let blob = config.datastore.expect("datastore").blob.expect("blob");
    let key = config.weather.expect("weather").apikey;
    for text in [key, blob.connection_string, blob.container, blob.artifact_path] {
        assert!(!text.is_empty());
    }

    let run = unary::RunInstance {
        runid: "3f2a".into(),
        jobid: "j1".into(),
        nodeid: "node-1".into(),
        userid: "admin".into(),
        start_time: "2040-01-01 00:00:01.5".into(),
        status: "EXECUTING".into(),
        status_message: "Executing job.".into(),
        ..Default::default()
    };
    let answer = node.update_run(unary::UpdateRunRequest { run: Some(run) }).await.expect("answer");
    assert_eq!(answer.into_inner().message, "updated run successfully");
    let list = unary::GetRunsRequest { limit: Some(3), jobid: Some("j1".into()), ..Default::default() };
    let runs = admin.get_runs(list).await.expect("answer").into_inner().runs;
    assert_eq!(runs.len(), 1);
    assert_eq!(
        (runs[0].status.as_str(), runs[0].start_time.as_str()),
        ("RUNNING", "2040-01-01T00:00:01.500000")
    );
    assert_eq!(runs[0].foreign_status.as_deref(), Some("EXECUTING"));
}

#[tokio::test]
async fn refusals_are_told_in_the_answer_and_bad_credentials_as_a_status() {
    let world = World::start().await;
    let mut admin = existing(&world, "admin", &world.admin_token).await;
    let answer = admin.schedule_job(unary::ScheduleJobRequest { length_secs: 0, ..booking("a/b") }).await;
    let answer = answer.expect("an answer, no status").into_inner();
    assert_eq!((answer.state, answer.error.expect("detail").kind.as_str()), (1, "invalid_argument"));
    let unknown = admin.get_job_by_id(unary::GetJobRequest { jobid: "nothing".into() }).await;
    assert!(!unknown.expect("answer").into_inner().exists);
    let bad =
        admin.get_runs(unary::GetRunsRequest { runid: Some("../x".into()), ..Default::default() }).await;
    assert!(bad.expect("an empty answer").into_inner().runs.is_empty());
    let beat = unary::HeartbeatRequest { nodeid: "nobody".into(), timezone: None, clock_offset_us: None };
    assert!(!admin.report_heartbeat(beat).await.expect("answer").into_inner().received);
    let nowhere = admin.set_scavenger_status(unary::SetScavengerStatusRequest::default()).await;
    assert_eq!(nowhere.expect("an answer, no status").into_inner().state, 1);
    let nothing = admin.report_job_event(unary::ReportJobEventRequest::default()).await;
    assert_eq!(nothing.expect("an answer, no status").into_inner().message, "event is missing");

    for (user, token) in [("admin", "wrong"), ("admin", ""), ("", ""), ("a b", "x")] {
        let mut client = existing(&world, user, &Secret::new(token)).await;
        let status = client.get_nodes(unary::GetNodesRequest::default()).await.expect_err("refused");
        assert_eq!((status.code(), status.message()), (Code::Unauthenticated, "Invalid token"));
    }
}

#[tokio::test]
async fn nodes_of_a_run_ask_each_other_and_scavenger_mode_is_told_as_executors_read_it() {
    let world = World::start().await;
    let admin = world.admin();
    let mut tokens = Vec::new();
    for name in ["node-1", "node-2", "node-3"] {
        tokens
            .push(admin.register_node(name.parse().expect("id"), NodeUpdate::default()).await.expect("node"));
    }
    let mut researcher = {
        let token = admin.register_user(user("researcher", Role::User)).await.expect("user");
        existing(&world, "researcher", &token).await
    };
    let paired = unary::ScheduleJobRequest { server: Some("node-2".into()), ..booking("paired") };
    assert_eq!(researcher.schedule_job(paired).await.expect("answer").into_inner().state, 0);
    let mut client = existing(&world, "node-1", &tokens[0]).await;
    let mut server = existing(&world, "node-2", &tokens[1]).await;
    let mut stranger = existing(&world, "node-3", &tokens[2]).await;

    let task = unary::Task {
        r#type: unary::TaskType::ServerStart.into(),
        taskid: "0123456789abcdef".into(),
        runid: "fedcba9876543210".into(),
        jobid: "paired".into(),
        nodeid: "node-2".into(),
        status: unary::TaskStatus::TaskScheduled.into(),
        ttl_secs: 600,
        address: None,
    };
    let ask = |task: &unary::Task| unary::ScheduleTaskRequest { task: Some(task.clone()) };
    let answer = client.schedule_task(ask(&task)).await.expect("answer").into_inner();
    assert_eq!((answer.state, answer.message.as_str()), (0, "task successfully scheduled"));
    let again = client.schedule_task(ask(&task)).await.expect("answer").into_inner();
    assert_eq!((again.state, again.message.as_str()), (1, "task with the given id exists"));
    let foreign = unary::Task { taskid: "other".into(), nodeid: "node-3".into(), ..task.clone() };
    assert_eq!(client.schedule_task(ask(&foreign)).await.expect("answer").into_inner().state, 1);
    let refused = stranger.schedule_task(ask(&foreign)).await.expect("answer").into_inner();
    assert_eq!(refused.message, "permission denied: userid=node-3 and role=NODE");

    // As nodes poll: for what they are to do.
    let poll = unary::GetTasksRequest {
        nodeid: Some("node-2".into()),
        status: Some(unary::TaskStatus::TaskScheduled.into()),
        ..Default::default()
    };
    assert_eq!(
        server.get_tasks(poll.clone()).await.expect("answer").into_inner().tasks,
        std::slice::from_ref(&task)
    );
    assert_eq!(stranger.get_tasks(poll.clone()).await.expect("answer").into_inner().tasks, []);
    let denied = researcher.get_tasks(poll.clone()).await.expect_err("not for researchers");
    assert_eq!(denied.code(), Code::PermissionDenied);
    let done = unary::UpdateTaskRequest {
        taskid: task.taskid.clone(),
        status: unary::TaskStatus::TaskComplete.into(),
        address: None,
    };
    assert_eq!(stranger.update_task(done.clone()).await.expect("answer").into_inner().state, 1);
    let answer = server.update_task(done).await.expect("answer").into_inner();
    assert_eq!((answer.state, answer.message.as_str()), (0, "updated task successfully"));
    assert_eq!(server.get_tasks(poll).await.expect("answer").into_inner().tasks, []);
    let by_id = unary::GetTasksRequest { taskid: Some(task.taskid.clone()), ..Default::default() };
    let seen = client.get_tasks(by_id).await.expect("answer").into_inner().tasks;
    assert_eq!(seen[0].status, i32::from(unary::TaskStatus::TaskComplete), "who asked sees that it is done");

    let status = || unary::GetScavengerStatusRequest { nodeid: "node-1".into() };
    let set =
        |active| unary::SetScavengerStatusRequest { nodeid: "node-1".into(), scavenger_mode_active: active };
    let refused = server.set_scavenger_status(set(true)).await.expect("answer").into_inner();
    assert_eq!(refused.state, 1, "it is another node's");
    assert_eq!(client.set_scavenger_status(set(true)).await.expect("answer").into_inner().state, 0);
    let on = researcher.get_scavenger_status(status()).await.expect("answer").into_inner();
    assert!(on.found && on.scavenger_mode_active);
    let listed = researcher.get_nodes(unary::GetNodesRequest::default()).await.expect("answer").into_inner();
    let active: Vec<_> = listed.nodes.iter().map(|node| node.scavenger_mode_active).collect();
    assert_eq!(active, [true, false, false]);
    assert_eq!(client.set_scavenger_status(set(false)).await.expect("answer").into_inner().state, 0);
    let off = researcher.get_scavenger_status(status()).await.expect("answer").into_inner();
    assert!(!off.found && !off.scavenger_mode_active, "existing executors crash on anything else");

    admin.register_user(user("trusted", Role::UserPriv)).await.expect("user");
    for (who, expected) in [("trusted", 0), ("admin", 0), ("researcher", 1), ("node-2", 1), ("nobody", 1)] {
        let request = unary::KernelAccessRequest { userid: who.into() };
        assert_eq!(
            client.kernel_access(request).await.expect("answer").into_inner().state,
            expected,
            "{who}"
        );
    }
    let request = unary::KernelAccessRequest { userid: "trusted".into() };
    assert_eq!(researcher.kernel_access(request).await.expect("answer").into_inner().state, 1);
}
