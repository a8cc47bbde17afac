//! Our client against an orchestrator of the public testbed, which knows none of our fields.

use leoscope_core::ErrorKind;
use leoscope_core::client::{ClientConfig, GrpcClient, Tls};
use leoscope_core::model::{JobChange, JobSpec, NewUser, Role, Secret, SlotRequest};
use leoscope_core::ports::ControlPlane;
use leoscope_core::proto::listing::encoded;
use leoscope_core::proto::unary;
use leoscope_core::proto::unary::leotest_orchestrator_server::{
    LeotestOrchestrator, LeotestOrchestratorServer,
};
use leoscope_core::schedule::Schedule;
use leoscope_core::time::{SignedDuration, Window, parse_time};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

use crate::world::{id, kind};

/// Answers as the public orchestrator does.
struct Older;

fn job() -> unary::Job {
    unary::Job {
        id: "exp-001".into(),
        nodeid: "node-1".into(),
        params: Some(unary::JobParams { mode: "docker".into(), ..Default::default() }),
        schedule: "*/5 * * * *".into(),
        start_date: "2040-01-01 00:00:00".into(),
        end_date: "2040-01-02 00:00:00".into(),
        length_secs: 60,
        userid: "u1".into(),
        ..Default::default()
    }
}

#[tonic::async_trait]
impl LeotestOrchestrator for Older {
    async fn register_user(
        &self,
        _: Request<unary::RegisterUserRequest>,
    ) -> Result<Response<unary::RegisterUserResponse>, Status> {
        let message = "user registered access_token=abc123".to_owned();
        Ok(Response::new(unary::RegisterUserResponse { message, ..Default::default() }))
    }

    async fn delete_user(
        &self,
        _: Request<unary::DeleteUserRequest>,
    ) -> Result<Response<unary::DeleteUserResponse>, Status> {
        let message = "user with given id does not exist".to_owned();
        Ok(Response::new(unary::DeleteUserResponse { state: 1, message, error: None }))
    }

    async fn schedule_job(
        &self,
        request: Request<unary::ScheduleJobRequest>,
    ) -> Result<Response<unary::ScheduleJobResponse>, Status> {
        assert!(!request.get_ref().id.is_empty(), "older orchestrators may not make an id");
        let message = "job successfully scheduled".to_owned();
        Ok(Response::new(unary::ScheduleJobResponse { message, ..Default::default() }))
    }

    /// Does nothing, and says so with an empty message.
    async fn modify_job(
        &self,
        _: Request<unary::ModifyJobRequest>,
    ) -> Result<Response<unary::ModifyJobResponse>, Status> {
        Ok(Response::new(unary::ModifyJobResponse::default()))
    }

    async fn get_job_by_id(
        &self,
        _: Request<unary::GetJobRequest>,
    ) -> Result<Response<unary::GetJobResponse>, Status> {
        let unary::Job { id, nodeid, params, schedule, start_date, end_date, userid, .. } = job();
        Ok(Response::new(unary::GetJobResponse {
            exists: true,
            id,
            nodeid,
            params,
            schedule,
            start_date,
            end_date,
            userid,
            ..Default::default()
        }))
    }

    async fn get_jobs_by_userid(
        &self,
        _: Request<unary::GetJobsOfUserRequest>,
    ) -> Result<Response<unary::GetJobsOfUserResponse>, Status> {
        Ok(Response::new(unary::GetJobsOfUserResponse {
            exists: true,
            jobs: vec![job()],
            ..Default::default()
        }))
    }

    async fn get_jobs_by_nodeid(
        &self,
        _: Request<unary::GetJobsOnNodeRequest>,
    ) -> Result<Response<unary::GetJobsOnNodeResponse>, Status> {
        Ok(Response::new(unary::GetJobsOnNodeResponse {
            exists: true,
            jobs: vec![encoded(&job())],
            error: None,
        }))
    }
}

#[tokio::test]
async fn what_an_older_orchestrator_lacks_is_found_another_way_or_named() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("port");
    let port = listener.local_addr().expect("address").port();
    let server = tonic::transport::Server::builder().add_service(LeotestOrchestratorServer::new(Older));
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    let config = ClientConfig::new("localhost", port, Tls::Plaintext, id("u1"), Secret::new("t"));
    let client = GrpcClient::connect(config).expect("client");

    let user = NewUser { id: id("u2"), name: String::new(), role: Role::User, team: String::new() };
    assert_eq!(client.register_user(user).await.expect("token").expose(), "abc123");
    assert_eq!(kind(client.delete_user(&id("u2")).await), ErrorKind::NotFound);

    let found = client.job(&id("exp-001")).await.expect("get").expect("there");
    assert_eq!(found.length.secs(), 60, "its length is only in the list of its owner's jobs");
    let orders = client.orders(&id("node-1")).await.expect("polled");
    assert_eq!(orders.jobs, std::slice::from_ref(&found));
    assert_eq!(
        client.watch_orders(&id("node-1")).await.err().map(|e| e.kind()),
        Some(ErrorKind::Unsupported)
    );
    assert_eq!(client.download(&id("r"), 0).await.err().map(|e| e.kind()), Some(ErrorKind::Unsupported));
    let change = JobChange { overhead: Some(false), ..JobChange::default() };
    assert_eq!(kind(client.time().await), ErrorKind::Unsupported);
    assert_eq!(kind(client.watch_readers(&id("n")).await.map(drop)), ErrorKind::Unsupported);
    assert_eq!(kind(client.probe_artifacts("probe".into()).await), ErrorKind::Unsupported);
    let error = client.modify_job(&id("exp-001"), change).await.expect_err("modify");
    assert_eq!(error.message(), "this orchestrator cannot change a job");
    let slots = SlotRequest {
        nodes: [id("node-1")].into(),
        length: SignedDuration::from_secs(60),
        near: found.window.start(),
        within: found.window,
        count: 1,
    };
    let error = client.free_slots(&slots).await.expect_err("slots");
    assert_eq!(error.message(), "this orchestrator cannot find free time");

    let at = |text| parse_time(text).expect("time");
    let spec = JobSpec {
        id: None,
        node: id("node-1"),
        server: None,
        schedule: Schedule::Once,
        window: Window::new(at("2040-01-01T00:00:00"), at("2040-01-01T01:00:00")).expect("window"),
        length: found.length,
        overhead: false,
        trigger: None,
        config: found.config,
        params: found.params,
        policies: found.policies,
    };
    let booked = client.schedule_job(spec).await.expect("schedule");
    assert!(booked.id.as_str().starts_with("job-"));
}
