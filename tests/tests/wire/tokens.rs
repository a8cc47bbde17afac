//! Who is let in: access tokens that are replaced and revoked, and the tokens of the web portal.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use leoscope_core::ErrorKind;
use leoscope_core::jwt::JwtKey;
use leoscope_core::model::{Heartbeat, NodeUpdate, Role, Secret};
use leoscope_core::ports::ControlPlane as _;
use leoscope_core::proto::unary::leotest_orchestrator_client::LeotestOrchestratorClient;
use leoscope_core::proto::{metadata, unary};
use leoscope_core::time::Timestamp;
use sha2::Sha256;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Request, Status};

use crate::world::{World, id, kind, user};

#[tokio::test]
async fn a_token_is_replaced_by_its_owner_or_an_administrator_and_revoked_for_good() {
    let mut world = World::start().await;
    let admin = world.admin();
    let first = admin.register_user(user("someone", Role::User)).await.expect("user");
    let second = world.client("someone", &first).rotate_token(&id("someone")).await.expect("rotated");
    assert_ne!(first, second);
    assert_eq!(second.expose().len(), 64);
    let reads = async |token: &Secret| world.client("someone", token).user(&id("someone")).await;
    assert_eq!(kind(reads(&first).await), ErrorKind::Unauthenticated, "the old one is no more");
    reads(&second).await.expect("the new one");
    let other = admin.register_user(user("other", Role::NodeOwner)).await.expect("user");
    let other = world.client("other", &other);
    assert_eq!(kind(other.rotate_token(&id("someone")).await), ErrorKind::PermissionDenied);
    assert_eq!(kind(other.revoke_token(&id("someone")).await), ErrorKind::PermissionDenied);
    reads(&second).await.expect("a refused call changes nothing");
    let third = admin.rotate_token(&id("someone")).await.expect("rotated");
    reads(&third).await.expect("the newest");
    admin.revoke_token(&id("someone")).await.expect("revoked");
    for token in [&first, &second, &third] {
        assert_eq!(kind(reads(token).await), ErrorKind::Unauthenticated);
    }
    assert_eq!(kind(admin.rotate_token(&id("nobody")).await), ErrorKind::NotFound);
    let node = admin.register_node(id("node-1"), NodeUpdate::default()).await.expect("node");
    let node = world.client("node-1", &node).rotate_token(&id("node-1")).await.expect("a node's own");
    world.client("node-1", &node).heartbeat(Heartbeat::of(id("node-1"))).await.expect("heartbeat");
    // Its orchestrator would set it back on the next start.
    assert_eq!(kind(admin.rotate_token(&id("admin")).await), ErrorKind::InvalidArgument);
    assert_eq!(kind(admin.revoke_token(&id("admin")).await), ErrorKind::InvalidArgument);
    world.stop().await;
    world.restart().await;
    let kept = world.client("node-1", &node).heartbeat(Heartbeat::of(id("node-1"))).await;
    kept.expect("a token outlives its orchestrator");
}

pub(crate) fn jwt(header: &str, claims: &str, secret: &str) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("key");
    mac.update(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

/// What the portal gets for a call with this token: it names user `admin` and an empty access token
/// beside it.
async fn portal(world: &World, token: &str) -> Result<Vec<unary::RunInstance>, Status> {
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(&world.certificate))
        .domain_name("localhost");
    let endpoint = Endpoint::from_shared(format!("https://{}", world.address)).expect("endpoint");
    let channel: Channel = endpoint.tls_config(tls).expect("tls").connect().await.expect("connected");
    let mut request = Request::new(unary::GetRunsRequest::default());
    for (name, value) in [(metadata::USER, "admin"), (metadata::TOKEN, ""), (metadata::JWT, token)] {
        request.metadata_mut().insert(name, value.parse().expect("header"));
    }
    Ok(LeotestOrchestratorClient::new(channel).get_runs(request).await?.into_inner().runs)
}

#[tokio::test]
async fn the_web_portal_calls_as_the_user_its_token_names() {
    const HS256: &str = r#"{"alg":"HS256","typ":"JWT"}"#;
    let key = JwtKey::new(Secret::new("portal-s3cret")).expect("key");
    let world = World::start_with(|config| config.jwt_key = Some(key)).await;
    let admin = world.admin();
    admin.register_node(id("node-seattle"), NodeUpdate::default()).await.expect("node");
    let mine = world.researcher("mine").await;
    world.researcher("other").await;
    for run in world.runs(&mine, "exp-001", 2).await {
        admin.report_run(run).await.expect("report");
    }
    let now = Timestamp::now().as_second();
    let claims = |user: &str, exp: i64| format!(r#"{{"userid":"{user}","exp":{exp}}}"#);
    let valid = |user: &str| jwt(HS256, &claims(user, now + 600), "portal-s3cret");
    // Identity comes from the token, not from the user id beside it.
    assert_eq!(portal(&world, &valid("mine")).await.expect("runs").len(), 2);
    assert_eq!(portal(&world, &valid("other")).await.expect("runs").len(), 0);
    assert_eq!(portal(&world, &valid("admin")).await.expect("runs").len(), 2);
    for refused in [
        jwt(HS256, &claims("mine", now - 1), "portal-s3cret"),
        jwt(HS256, &claims("mine", now + 600), "other"),
        jwt(r#"{"alg":"none"}"#, &claims("admin", now + 600), "portal-s3cret"),
        format!(
            "{}.{}.",
            URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#),
            URL_SAFE_NO_PAD.encode(claims("admin", now + 600))
        ),
        valid("nobody"),
        "nonsense".to_owned(),
        String::new(),
    ] {
        let status = portal(&world, &refused).await.expect_err(&refused);
        assert_eq!((status.code(), status.message()), (Code::Unauthenticated, "Invalid token"), "{refused}");
    }
    admin.delete_user(&id("mine")).await.expect("deleted");
    assert_eq!(portal(&world, &valid("mine")).await.expect_err("gone").code(), Code::Unauthenticated);

    let without = World::start().await;
    let status = portal(&without, &valid("admin")).await.expect_err("no key");
    assert_eq!((status.code(), status.message()), (Code::Unauthenticated, "Invalid token"));
}
