use super::*;
use crate::connection;

/// Claims: `{"userid":"someone@example.org"}`.
const JWT: &str = "eyJhbGciOiJIUzI1NiJ9.eyJ1c2VyaWQiOiJzb21lb25lQGV4YW1wbGUub3JnIn0.c2ln";

/// Who calls and how that is proved, with these options.
fn shown(options: &[&str]) -> Result<(String, Proof)> {
    let words: Vec<_> = options.iter().map(Into::into).collect();
    let env = Env::new();
    let args = connection(&words, &env).expect("options");
    // The certificate does not matter here.
    let access = Access::new(args.clone(), &env);
    let (caller, user) = (args.caller(), access.caller().cloned());
    assert_eq!(caller.as_ref().ok(), user.as_ref().ok());
    let user = user?;
    let proof = access.credential().proof(user.clone())?;
    Ok((user.to_string(), proof))
}

#[test]
fn a_jwt_comes_first_then_the_token_then_the_file() {
    let dir = tempfile::tempdir().expect("directory");
    let file = dir.path().join("token");
    let option = format!("--access-token-file={}", file.display());
    let token = |token: &str| {
        let user = UserId::parse("me").expect("id");
        ("me".to_owned(), Proof::Token { user, token: Secret::new(token) })
    };
    // Not read while there is no need.
    assert_eq!(shown(&["--userid=me", "--access-token=a", &option]).expect("token"), token("a"));
    let error = shown(&["--userid=me", &option]).expect_err("no file");
    assert!(error.message().contains(&file.display().to_string()), "{error}");
    std::fs::write(&file, "b\n").expect("file");
    assert_eq!(shown(&["--userid=me", &option]).expect("file"), token("b"));
    assert_eq!(shown(&["--userid=me", "--access-token=", &option]).expect("file"), token("b"));

    let jwt = format!("--jwt-access-token={JWT}");
    let (user, proof) = shown(&["--userid=me", "--access-token=a", &option, &jwt]).expect("jwt");
    assert_eq!((user.as_str(), proof), ("someone@example.org", Proof::Jwt(Secret::new(JWT))));
    assert_eq!(shown(&[&jwt]).expect("jwt alone").0, "someone@example.org");
    let error = shown(&["--userid=me", "--jwt-access-token=hunter2"]).expect_err("no jwt");
    assert_eq!(error.message(), "the JWT is not well formed");
}

#[test]
fn what_is_missing_is_told() {
    let told = |options: &[&str]| shown(options).expect_err("missing").message().to_owned();
    assert_eq!(told(&["--access-token=a"]), "no user id is given");
    assert_eq!(told(&["--userid=me"]), "no access token is given");
    assert_eq!(told(&["--userid=me", "--access-token="]), "no access token is given");
}

#[test]
fn the_named_certificate_comes_first_then_the_state_directory_then_the_web() {
    let state = tempfile::tempdir().expect("directory");
    let env = Env::from([("XDG_STATE_HOME".into(), state.path().display().to_string())]);
    assert!(matches!(Certificates::new(None, &env).choose(), Ok(Tls::SystemRoots)));

    let certs = state.path().join("leoscope/certs");
    std::fs::create_dir_all(&certs).expect("directory");
    std::fs::write(certs.join("server.crt"), "from the state directory").expect("certificate");
    let Ok(Tls::Pem(pem)) = Certificates::new(None, &env).choose() else { panic!("no certificate") };
    assert_eq!(pem, b"from the state directory");

    let missing = Certificates::new(Some("/nowhere/a.crt".into()), &env).choose();
    let error = missing.expect_err("a named certificate must be there");
    assert!(error.message().starts_with("certificate /nowhere/a.crt cannot be read"), "{error}");
}

#[test]
fn a_client_is_told_whom_to_call_and_who_calls() {
    let words = ["--userid=me", "--access-token=a", "--grpc-host=one,two", "--grpc-port=1"].map(Into::into);
    let env = Env::new();
    let args = connection(&words, &env).expect("options");
    let config = args.client_config(&env, Duration::from_secs(7)).expect("config");
    assert_eq!((config.host.as_str(), config.port, config.timeout.as_secs()), ("one,two", 1, 7));
    let user = UserId::parse("me").expect("id");
    assert_eq!(config.proof, Proof::Token { user: user.clone(), token: Secret::new("a") });

    let nobody = Access::new(ConnectionArgs { userid: None, ..args }, &env);
    assert!(nobody.client_config(Duration::ZERO).is_err());
    assert_eq!(nobody.or_as(&user).caller().expect("caller"), &user);
}
