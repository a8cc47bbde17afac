//! Who may call what: every call, in every role, on one's own objects and on somebody else's.
//!
//! The table follows the contract of the public testbed. A call of the protocol that is not in it
//! fails the test.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use leoscope_core::client::GrpcClient;
use leoscope_core::ids::{JobId, NodeId, RunId, UserId};
use leoscope_core::jwt::JwtKey;
use leoscope_core::model::{
    AuditFilter, EventOutcome, EventScope, Heartbeat, JobChange, JobSpec, NewEvent, NewTask, NewUser,
    NodeFilter, NodeReadings, NodeUpdate, OutputScope, Role, Run, RunFilter, Secret, Settings, SlotRequest,
    Stage, Standby, StandbyBy, Tail, TaskFilter, TaskKind, TaskStatus, TaskTtl,
};
use leoscope_core::ports::ControlPlane;
use leoscope_core::proto::{metadata, methods};
use leoscope_core::schedule::Schedule;
use leoscope_core::time::{SignedDuration, Timestamp, Window};
use leoscope_core::{ErrorKind, Result};
use leoscope_tests::bundles;

use crate::tokens::jwt;
use crate::world::{World, empty_call, id, user};
use tonic::Code;

/// The roles but ADMIN, who may do everything.
const ROLES: [Role; 5] = [Role::User, Role::UserPriv, Role::Node, Role::NodePriv, Role::NodeOwner];
const ALL: &[Role] = &ROLES;
const NONE: &[Role] = &[];
const NODES: &[Role] = &[Role::Node, Role::NodePriv];
const OWNERS: &[Role] = &[Role::NodeOwner];
const BOOKERS: &[Role] = &[Role::User, Role::UserPriv, Role::NodeOwner];
const KEEPERS: &[Role] = &[Role::Node, Role::NodePriv, Role::NodeOwner];

/// A call on the objects of a scene.
type Call = fn(&Scene) -> BoxFuture<'_, Result<()>>;

/// A call of the protocol, and who may make it on their own and on other objects.
struct Row {
    rpc: &'static str,
    own: &'static [Role],
    other: &'static [Role],
    call: Call,
}

macro_rules! rows {
    ($($rpc:ident: $own:expr, $other:expr, |$scene:ident| $call:expr;)+) => {
        const ROWS: &[Row] = &[$(Row {
            rpc: stringify!($rpc),
            own: $own,
            other: $other,
            call: |$scene| async move { $call.await.map(drop) }.boxed(),
        },)+];
    };
}

rows! {
    report_heartbeat: KEEPERS, NONE, |s| s.plane.heartbeat(Heartbeat::of(s.node.clone()));
    update_global_config: NONE, NONE, |s| s.plane.update_settings(Settings::default());
    get_global_config: ALL, ALL, |s| s.plane.settings();
    register_user: NONE, NONE, |s| s.plane.register_user(user(&s.unique("new"), Role::User));
    get_user: ALL, NONE, |s| s.plane.user(&s.user);
    modify_user: NONE, NONE, |s| s.plane.modify_user(NewUser { id: s.user.clone(), ..user("x", Role::Admin) });
    delete_user: NONE, NONE, |s| s.plane.delete_user(&s.spare);
    schedule_job: BOOKERS, BOOKERS, |s| s.plane.schedule_job(s.spec("new", 9));
    get_job_by_id: ALL, NONE, |s| s.plane.job(&s.job);
    get_jobs_by_userid: ALL, NONE, |s| s.plane.jobs_of_user(&s.user);
    get_jobs_by_nodeid: ALL, ALL, |s| s.plane.jobs_on_node(&s.node);
    reschedule_job_nearest: ALL, NONE, |s| s.plane.reschedule_job(&s.job, s.later());
    modify_job: BOOKERS, NONE, |s| s.plane.modify_job(&s.job, JobChange { overhead: Some(false), ..JobChange::default() });
    delete_job_by_id: BOOKERS, NONE, |s| s.plane.delete_job(&s.job);
    delete_jobs_by_nodeid: OWNERS, NONE, |s| s.plane.delete_jobs_on_node(&s.node);
    update_run: NODES, NONE, |s| s.plane.report_run(s.run());
    report_job_event: NODES, NONE, |s| s.plane.report_event(s.event());
    get_runs: ALL, ALL, |s| s.plane.runs(&RunFilter::default());
    get_scheduled_runs: ALL, ALL, |s| s.plane.calendar(&s.node, s.later());
    register_node: OWNERS, NONE, |s| s.plane.register_node(id(&s.unique("made")), s.details());
    get_nodes: ALL, ALL, |s| s.plane.nodes(&NodeFilter::default());
    update_node: KEEPERS, NONE, |s| s.plane.update_node(&s.node, NodeUpdate { name: Some("x".into()), ..NodeUpdate::default() });
    delete_node: OWNERS, NONE, |s| s.plane.delete_node(&s.node, true);
    set_scavenger_status: KEEPERS, NONE, |s| s.plane.set_standby(&s.node, StandbyBy::Person, Some(Standby::SCAVENGER));
    get_scavenger_status: ALL, ALL, |s| s.plane.standby(&s.node);
    schedule_task: NODES, NONE, |s| s.plane.schedule_task(s.task("new"));
    get_tasks: NODES, NODES, |s| s.plane.tasks(&TaskFilter::default());
    update_task: NODES, NONE, |s| s.plane.update_task(&s.task("there").id, TaskStatus::Complete, None);
    kernel_access: NODES, NODES, |s| s.plane.kernel_access(&s.trusted);
    RotateToken: ALL, NONE, |s| s.plane.rotate_token(&s.user);
    RevokeToken: ALL, NONE, |s| s.plane.revoke_token(&s.user);
    PlanJob: BOOKERS, BOOKERS, |s| s.plane.plan_job(s.spec("planned", 9), 1);
    FindSlots: ALL, ALL, |s| s.plane.free_slots(&s.slots());
    GetOrders: NODES, NONE, |s| s.plane.orders(&s.node);
    WatchOrders: NODES, NONE, |s| s.plane.watch_orders(&s.node);
    SetStandby: KEEPERS, NONE, |s| s.plane.set_standby(&s.node, StandbyBy::Host, Some(Standby::SCAVENGER));
    BeginUpload: NODES, NONE, |s| s.begin_upload();
    Upload: NODES, NONE, |s| s.upload();
    FinishUpload: NODES, NONE, |s| s.finish_upload();
    GetExperimentFiles: NODES, NONE, |s| s.plane.experiment_files(&s.node, &s.job);
    GetTime: ALL, ALL, |s| s.plane.time();
    Probe: NODES, NODES, |s| s.plane.probe_artifacts(bytes::Bytes::from_static(b"probe"));
    Download: ALL, NONE, |s| s.plane.download(&s.ran, 0);
    Follow: ALL, NONE, |s| s.follow();
    WatchFollowers: NODES, NONE, |s| s.plane.watch_followers(&s.node);
    Send: NODES, NONE, |s| s.send();
    WatchReadings: ALL, BOOKERS, |s| s.watch_readings();
    WatchReaders: NODES, NONE, |s| s.plane.watch_readers(&s.node);
    SendReadings: NODES, NONE, |s| s.plane.send_readings(&s.node, s.readings());
    GetElements: ALL, ALL, |s| s.elements();
    GetForecast: ALL, ALL, |s| s.forecast();
    ListEvents: ALL, NONE, |s| s.events();
    ListAudit: NONE, NONE, |s| s.plane.audit(&AuditFilter::default());
}

/// A caller, and the objects it calls for.
struct Scene {
    plane: GrpcClient,
    name: String,
    is_own: bool,
    caller: UserId,
    /// Itself, or somebody else.
    user: UserId,
    /// A node that is, or belongs to, the caller, or somebody else's.
    node: NodeId,
    /// A job of the caller, or on the calling node, or somebody else's elsewhere.
    job: JobId,
    job_owner: UserId,
    /// A run of the job that has results.
    ran: RunId,
    spare: UserId,
    trusted: UserId,
    admin: GrpcClient,
}

impl Scene {
    /// Follows the run while its node is connected.
    async fn follow(&self) -> Result<()> {
        let _connected = self.admin.watch_followers(&self.node).await?;
        self.plane.follow_output(&self.ran, LAST).await.map(drop)
    }

    /// Sends somebody who follows the run what it prints.
    async fn send(&self) -> Result<()> {
        let mut followers = self.admin.watch_followers(&self.node).await?;
        let _followed = self.admin.follow_output(&self.ran, LAST).await?;
        let follower = followers.next().await.expect("a follower")?;
        self.plane.send_output(&follower.id, Box::pin(stream::empty())).await
    }

    /// Watches the node while it is connected.
    async fn watch_readings(&self) -> Result<()> {
        let _connected = self.admin.watch_readers(&self.node).await?;
        self.plane.watch_readings(&self.node).await.map(drop)
    }

    /// There are none here.
    async fn elements(&self) -> Result<()> {
        match self.plane.elements(&self.node, None).await {
            Err(error) if error.kind() == ErrorKind::Unavailable => Ok(()),
            other => other.map(drop),
        }
    }

    async fn forecast(&self) -> Result<()> {
        self.plane.forecast(&self.node, "time.hour > 4", self.later()).await.map(drop)
    }

    fn readings(&self) -> NodeReadings {
        NodeReadings { at: self.later().start(), readings: Vec::new() }
    }

    async fn begin_upload(&self) -> Result<()> {
        self.plane.begin_upload(&self.ran, &bundles::facts(&RESULTS)).await.map(drop)
    }

    async fn upload(&self) -> Result<()> {
        self.plane.upload(&self.ran, &bundles::facts(&RESULTS), 0, bundles::pieces(&RESULTS)).await
    }

    async fn finish_upload(&self) -> Result<()> {
        self.plane.finish_upload(&self.ran, &bundles::facts(&RESULTS)).await
    }

    fn unique(&self, what: &str) -> String {
        format!("{what}-{}", self.name)
    }

    fn spec(&self, what: &str, hours: i64) -> JobSpec {
        spec(&self.unique(what), &self.node, hours)
    }

    fn later(&self) -> Window {
        let start = Timestamp::now() + SignedDuration::from_hours(4);
        Window::lasting(start, SignedDuration::from_hours(30)).expect("window")
    }

    /// Of a node that the caller would own, or somebody else.
    fn details(&self) -> NodeUpdate {
        let owner = if self.is_own { &self.caller } else { &self.spare };
        NodeUpdate { owner: Some(owner.clone()), ..NodeUpdate::default() }
    }

    fn run(&self) -> Run {
        let run = RunId::parse(&self.unique("run")).expect("id");
        Run::planned(run, self.job.clone(), self.node.clone(), self.job_owner.clone(), self.later())
    }

    fn slots(&self) -> SlotRequest {
        SlotRequest {
            nodes: [self.node.clone()].into(),
            length: SignedDuration::from_secs(60),
            near: self.later().start(),
            within: self.later(),
            count: 1,
        }
    }

    async fn events(&self) -> Result<()> {
        self.plane.events(&EventScope::Job(self.job.clone()), None).await?;
        self.plane.events(&EventScope::Run(self.ran.clone()), None).await.map(drop)
    }

    fn event(&self) -> NewEvent {
        NewEvent {
            id: None,
            job: self.job.clone(),
            run: None,
            node: Some(self.node.clone()),
            occurrence: None,
            stage: Stage::Trigger,
            outcome: EventOutcome::Ok,
            reason: None,
            message: String::new(),
            source: String::new(),
            at: None,
        }
    }

    fn task(&self, what: &str) -> NewTask {
        NewTask {
            id: id(&self.unique(what)),
            kind: TaskKind::ServerStart,
            run: id(&self.unique("run")),
            job: self.job.clone(),
            node: self.node.clone(),
            ttl: TaskTtl::try_from(600).expect("ttl"),
        }
    }
}

const LAST: OutputScope = OutputScope { tail: Tail::Lines(1), follow: true };

const RESULTS: bytes::Bytes = bytes::Bytes::from_static(b"results");

fn spec(job: &str, node: &NodeId, hours: i64) -> JobSpec {
    let start = Timestamp::now() + SignedDuration::from_hours(hours);
    let length = SignedDuration::from_secs(60);
    JobSpec {
        id: Some(id(job)),
        node: node.clone(),
        server: None,
        schedule: Schedule::Once,
        // Open at its end, so that it can be moved.
        window: Window::lasting(start, length + SignedDuration::from_hours(24)).expect("window"),
        length: 60_i64.try_into().expect("length"),
        overhead: true,
        trigger: None,
        config: "docker: {image: lab/ping:1}".into(),
        params: Default::default(),
        policies: Default::default(),
    }
}

/// Makes the objects for one call of one caller.
async fn scene(world: &World, role: Role, is_own: bool) -> Scene {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let name = COUNT.fetch_add(1, Ordering::Relaxed).to_string();
    let admin = world.admin();
    let unique = |what: &str| format!("{what}-{name}");
    let owner_of = |owner: Option<UserId>| NodeUpdate { owner, ..NodeUpdate::default() };
    let caller: UserId = id(&unique("caller"));
    let (own_node, token) = if role.is_node() {
        let node: NodeId = id(caller.as_str());
        let token = admin.register_node(node.clone(), NodeUpdate::default()).await.expect("node");
        let changed = NewUser { id: caller.clone(), ..user("x", role) };
        admin.modify_user(changed).await.expect("role");
        (node, token)
    } else {
        let registered = NewUser { id: caller.clone(), ..user("x", role) };
        let token: Secret = admin.register_user(registered).await.expect("user");
        let owner = (role == Role::NodeOwner).then(|| caller.clone());
        let node: NodeId = id(&unique("node"));
        admin.register_node(node.clone(), owner_of(owner)).await.expect("node");
        (node, token)
    };
    let (other, spare, trusted): (UserId, UserId, UserId) =
        (id(&unique("other")), id(&unique("spare")), id(&unique("trusted")));
    let mut other_token = None;
    for (id, role) in [(&other, Role::User), (&spare, Role::NodeOwner), (&trusted, Role::UserPriv)] {
        let token = admin.register_user(NewUser { id: id.clone(), ..user("x", role) }).await.expect("user");
        other_token.get_or_insert(token);
    }
    let other_node: NodeId = id(&unique("elsewhere"));
    admin.register_node(other_node.clone(), owner_of(Some(spare.clone()))).await.expect("node");
    let plane = world.client(caller.as_str(), &token);
    let others = world.client(other.as_str(), &other_token.expect("token"));
    let node = if is_own { own_node } else { other_node };
    // A node books nothing: the job it has a part in is somebody else's.
    let books = is_own && !role.is_node();
    let job: JobId = id(&unique("job"));
    let booked = if books { &plane } else { &others };
    booked.schedule_job(spec(job.as_str(), &node, 2)).await.expect("job");
    let job_owner = if books { caller.clone() } else { other.clone() };
    let ran = id(&unique("ran"));
    let scene = Scene {
        ran,
        plane,
        name,
        is_own,
        user: if is_own { caller.clone() } else { other },
        caller,
        node,
        job,
        job_owner,
        spare,
        trusted,
        admin: world.admin(),
    };
    admin.schedule_task(scene.task("there")).await.expect("task");
    let ran = Run { id: scene.ran.clone(), ..scene.run() };
    admin.report_run(ran).await.expect("run");
    bundles::hand_over(&admin, &scene.ran, &RESULTS).await.expect("results");
    scene
}

/// A world that takes any number of calls: each scene is made by the administrator.
async fn open_world() -> World {
    World::start_with(|config| config.limits.calls_per_second = None).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_is_for_those_whom_the_contract_names() {
    let world = open_world().await;
    let mut wrong = Vec::new();
    for row in ROWS {
        for (is_own, allowed) in [(true, row.own), (false, row.other)] {
            for role in ROLES {
                let scene = scene(&world, role, is_own).await;
                let outcome = (row.call)(&scene).await;
                let is_denied = outcome.as_ref().is_err_and(|e| e.kind() == ErrorKind::PermissionDenied);
                let fits = if allowed.contains(&role) { outcome.is_ok() } else { is_denied };
                if !fits {
                    let whose = if is_own { "its own" } else { "another's" };
                    wrong.push(format!("{} by {role} on {whose}: {outcome:?}", row.rpc));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_may_make_every_call() {
    let world = open_world().await;
    for row in ROWS {
        let scene = scene(&world, Role::User, false).await;
        let scene = Scene { plane: world.admin(), ..scene };
        (row.call)(&scene).await.unwrap_or_else(|error| panic!("{}: {error}", row.rpc));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_valid_credentials_no_call_is_answered() {
    let key = JwtKey::new(Secret::new("portal-s3cret")).expect("key");
    let world = World::start_with(|config| config.jwt_key = Some(key)).await;
    let token = world.admin().register_user(user("someone", Role::Admin)).await.expect("user");
    let now = Timestamp::now().as_second();
    let claims = |user: &str, exp: i64| format!(r#"{{"userid":"{user}","exp":{exp}}}"#);
    let signed =
        |alg: &str, claims: &str, secret: &str| jwt(&format!(r#"{{"alg":"{alg}"}}"#), claims, secret);
    let valid = signed("HS256", &claims("someone", now + 600), "portal-s3cret");
    let unsigned = signed("none", &claims("admin", now + 600), "portal-s3cret");
    let bare = unsigned.rsplit_once('.').expect("parts").0.to_owned() + ".";
    let jwts = [
        signed("HS256", &claims("someone", now - 1), "portal-s3cret"),
        signed("HS256", &claims("someone", now + 600), "another-s3cret"),
        signed("HS512", &claims("someone", now + 600), "portal-s3cret"),
        signed("HS256", &claims("nobody", now + 600), "portal-s3cret"),
        signed("HS256", "{}", "portal-s3cret"),
        unsigned,
        bare,
    ];
    let mut refused: Vec<Vec<(&str, &str)>> = vec![
        vec![],
        vec![(metadata::USER, ""), (metadata::TOKEN, ""), (metadata::JWT, "")],
        vec![(metadata::USER, "someone")],
        vec![(metadata::USER, "someone"), (metadata::TOKEN, "wrong")],
        vec![(metadata::USER, "nobody"), (metadata::TOKEN, token.expose())],
        vec![(metadata::USER, "admin"), (metadata::TOKEN, token.expose())],
        vec![(metadata::TOKEN, token.expose())],
        vec![(metadata::USER, "a b"), (metadata::TOKEN, token.expose())],
    ];
    refused.extend(jwts.iter().map(|jwt| vec![(metadata::JWT, jwt.as_str())]));
    let mut wrong = Vec::new();
    let mut channel = world.channel().await;
    for path in methods() {
        for credentials in &refused {
            let status = empty_call(&mut channel, &path, credentials).await;
            if (status.code(), status.message()) != (Code::Unauthenticated, "Invalid token") {
                wrong.push(format!("{path} with {credentials:?}: {status:?}"));
            }
        }
        // It is the credentials that it was refused for.
        let good: [&[(&str, &str)]; 2] = [
            &[(metadata::USER, "someone"), (metadata::TOKEN, token.expose())],
            &[(metadata::USER, "admin"), (metadata::TOKEN, ""), (metadata::JWT, &valid)],
        ];
        for credentials in good {
            let status = empty_call(&mut channel, &path, credentials).await;
            if status.code() == Code::Unauthenticated {
                wrong.push(format!("{path} is not let in: {status:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_call_of_the_protocol_is_missing() {
    let calls = methods();
    let calls: Vec<&str> = calls.iter().filter_map(|path| path.rsplit('/').next()).collect();
    let rows: Vec<&str> = ROWS.iter().map(|row| row.rpc).collect();
    let sorted = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(sorted(&rows), sorted(&calls));
    assert_eq!(rows.len(), calls.len(), "each once");
}
