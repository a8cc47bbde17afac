//! Secrets are in no log and no error, however they come in: each one here is known, and looked for.

use std::fs;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http_body_util::Full;
use leoscope_core::client::{ClientConfig, GrpcClient, Tls};
use leoscope_core::model::{BlobSettings, NewUser, Role, Secret, Settings};
use leoscope_core::ports::ControlPlane as _;
use leoscope_core::proto::{metadata, methods};
use leoscope_core::time::Timestamp;
use leoscope_tests::{free_port, logs, mongodb};
use sha2::Sha256;
use tonic::body::Body;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tower::{Service as _, ServiceExt as _};

use crate::lab::{Process, binary};

/// What was planted so far.
#[derive(Default)]
struct Planted(Vec<String>);

impl Planted {
    fn plant(&mut self, secret: impl Into<String>) -> String {
        let secret = secret.into();
        logs::plant(&secret);
        self.0.push(secret.clone());
        secret
    }

    fn assert_absent(&self, place: &str, text: &str) {
        for secret in &self.0 {
            let line = text.lines().find(|line| line.contains(secret.as_str()));
            // The message must not show it either.
            assert!(line.is_none(), "{place} shows a secret that begins with {:.7}", secret);
        }
    }
}

fn jwt(header: &str, user: &str, expires: i64, secret: &str) -> String {
    let claims = format!(r#"{{"userid":"{user}","exp":{expires}}}"#);
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("key");
    mac.update(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

/// Makes every call with these credentials and an empty request, whatever comes of it.
async fn call_everything(channel: &mut Channel, credentials: &[(&str, &str)]) {
    for path in methods() {
        let mut request = http::Request::post(format!("/{path}")).header("content-type", "application/grpc");
        for (name, value) in credentials {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::new(Full::new(bytes::Bytes::new()))).expect("request");
        channel.ready().await.expect("ready").call(request).await.expect("an answer");
    }
}

async fn misuse(form: &str) {
    const HS256: &str = r#"{"alg":"HS256","typ":"JWT"}"#;
    let dir = tempfile::tempdir().expect("directory");
    let (port, log) = (free_port(), dir.path().join(format!("secrets-{form}.log")));
    let mut planted = Planted::default();
    let admin_token = planted.plant(format!("planted-admin-token-{form}"));
    let jwt_secret = planted.plant(format!("planted-jwt-secret-{form}"));
    let mut process = Process::spawn(
        Command::new(binary("leoscope-orchestrator"))
            .env("LEOSCOPE_ELEMENTS", "none")
            .args(["--grpc-port", &port.to_string(), "--rate-limit=0", "--log-format", form, "--log=trace"])
            .arg("--state-dir")
            .arg(dir.path().join("state"))
            .env("LEOSCOPE_ADMIN_ACCESS_TOKEN", &admin_token)
            .env("LEOSCOPE_JWT_SECRET", &jwt_secret),
        log.clone(),
    );
    process.wait_for_log("orchestrator is listening");
    let pem = fs::read(dir.path().join("state/certs/server.crt")).expect("certificate");
    let client = |user: &str, token: &str| {
        let (tls, user) = (Tls::Pem(pem.clone()), user.parse().expect("id"));
        GrpcClient::connect(ClientConfig::new("localhost", port, tls, user, Secret::new(token)))
            .expect("client")
    };
    let admin = client("admin", &admin_token);
    let user = NewUser {
        id: "someone".parse().expect("id"),
        name: "S".into(),
        role: Role::User,
        team: String::new(),
    };
    let token = planted.plant(admin.register_user(user.clone()).await.expect("token").expose());
    let rotated = client("someone", &token).rotate_token(&user.id).await.expect("token");
    let rotated = planted.plant(rotated.expose());
    let account_key = base64::prelude::BASE64_STANDARD.encode(format!("planted account key {form}"));
    let account_key = planted.plant(account_key);
    let weather_api_key = Secret::new(planted.plant(format!("planted-weather-key-{form}")));
    let connection_string =
        Secret::new(format!("DefaultEndpointsProtocol=https;AccountName=a;AccountKey={account_key}"));
    let blob = BlobSettings { connection_string, container: "results".into(), artifact_path: "x".into() };
    admin.update_settings(Settings { blob, weather_api_key }).await.expect("settings");
    client("someone", &rotated).settings().await.expect("settings");

    let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(&pem)).domain_name("localhost");
    let endpoint = Endpoint::from_shared(format!("https://127.0.0.1:{port}")).expect("endpoint");
    let mut channel = endpoint.tls_config(tls).expect("tls").connect().await.expect("connected");
    let now = Timestamp::now().as_second();
    let tokens = [
        jwt(HS256, "someone", now + 600, &jwt_secret),
        jwt(HS256, "someone", now - 600, &jwt_secret),
        jwt(r#"{"alg":"none"}"#, "admin", now + 600, &jwt_secret),
    ];
    for token in tokens {
        let token = planted.plant(token);
        call_everything(&mut channel, &[(metadata::JWT, &token)]).await;
    }
    let wrong = planted.plant(format!("planted-wrong-token-{form}"));
    for credentials in [
        // The right ones, and all that people mistake for them.
        [(metadata::USER, "someone"), (metadata::TOKEN, rotated.as_str())],
        [(metadata::USER, "someone"), (metadata::TOKEN, token.as_str())],
        [(metadata::USER, "someone"), (metadata::TOKEN, wrong.as_str())],
        [(metadata::USER, rotated.as_str()), (metadata::TOKEN, "someone")],
        [(metadata::USER, rotated.as_str()), (metadata::TOKEN, rotated.as_str())],
        [(metadata::JWT, rotated.as_str()), (metadata::USER, "someone")],
        [("authorization", rotated.as_str()), ("x-api-key", wrong.as_str())],
    ] {
        call_everything(&mut channel, &credentials).await;
    }
    for id in [&rotated, &wrong] {
        // A token where an id belongs.
        client("admin", &admin_token).delete_user(&id.parse().expect("an id")).await.expect_err("nobody");
        client("someone", &rotated).download(&id.parse().expect("an id"), 0).await.expect_err("no run");
    }
    process.signal("-HUP");
    process.wait_for_log("the certificate is the same as before");
    assert!(process.terminate().success());
    let written = fs::read_to_string(&log).expect("log");
    // What is looked for would be there.
    assert!(written.contains("call refused") && written.contains("Accounts/RotateToken"), "{written:.2000}");
    if form == "json" {
        for line in written.lines() {
            let line: serde_json::Value = serde_json::from_str(line).expect("each line is an object");
            assert!(line["timestamp"].is_string() && line["level"].is_string(), "{line}");
        }
    }
    planted.assert_absent("the log", &written);
}

#[test]
#[should_panic(expected = "the log shows a secret that begins with planted")]
fn a_secret_that_is_there_is_found() {
    let planted = Planted(vec!["planted-and-shown".to_owned()]);
    planted.assert_absent("the log", "one line\nand token=planted-and-shown\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_in_a_log_for_people() {
    misuse("text").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_in_a_log_for_programs() {
    misuse("json").await;
}

#[test]
fn no_secret_is_in_what_a_program_says_that_cannot_start() {
    let dir = tempfile::tempdir().expect("directory");
    let mut planted = Planted::default();
    let password = planted.plant("planted-database-password");
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::write(&path, text).expect("file");
        path.display().to_string()
    };
    let server = std::env::var("LEOSCOPE_TEST_MONGODB_PORT");
    if server.is_err() {
        leoscope_tests::skipped("mongodb", "no MongoDB server: LEOSCOPE_TEST_MONGODB_PORT is not set");
    }
    let uri = |port: u16| {
        let uri = mongodb::uri(port, "secrets");
        uri.expose().replace("mongodb://", &format!("mongodb://user:{password}@"))
    };
    let mut places =
        vec![uri(free_port()), format!("mongodb://user:{password}@[nonsense/x"), password.clone()];
    places.extend(server.ok().map(|port| uri(port.parse().expect("port"))));
    let mut lines: Vec<Vec<String>> = places
        .iter()
        .enumerate()
        .map(|(index, place)| vec![format!("--database-file={}", file(&format!("place-{index}"), place))])
        .collect();
    let toml = format!("jwt-secret = {password}\n");
    lines.push(vec![format!("--config={}", file("broken.toml", &toml))]);
    let toml = format!("admin-access-token = \"\"\"{password} with spaces\"\"\"\n");
    lines.push(vec![format!("--config={}", file("spaces.toml", &toml))]);
    let key = format!("-----BEGIN PRIVATE KEY-----\n{password}\n-----END PRIVATE KEY-----\n");
    let (certificate, key) = (file("crt", "nonsense"), file("key", &key));
    lines.push(vec![format!("--tls-certificate={certificate}"), format!("--tls-key={key}")]);
    for line in lines {
        let output = Command::new(binary("leoscope-orchestrator"))
            .env("LEOSCOPE_ELEMENTS", "none")
            .args(&line)
            .args(["--log=trace", "--grpc-port", &free_port().to_string(), "--state-dir"])
            .arg(dir.path().join("state"))
            .output()
            .expect("run");
        assert!(!output.status.success(), "{line:?}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("error: "), "{line:?}: {said}");
        planted.assert_absent(&format!("the error of {line:?}"), &said);
        fs::write(dir.path().join("cannot-start.log"), &said).expect("log");
        logs::keep(&dir.path().join("cannot-start.log"));
    }
}
