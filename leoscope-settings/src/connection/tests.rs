use super::*;

fn words(line: &str) -> Vec<OsString> {
    line.split_whitespace().map(OsString::from).collect()
}

/// An environment whose profile file has this text.
fn profile_file(text: &str) -> (tempfile::TempDir, Env) {
    let home = tempfile::tempdir().expect("directory");
    std::fs::create_dir(home.path().join("leoscope")).expect("directory");
    std::fs::write(home.path().join("leoscope/profiles.toml"), text).expect("file");
    let env = Env::from([("XDG_CONFIG_HOME".into(), home.path().display().to_string())]);
    (home, env)
}

fn refusal(line: &str, env: &Env) -> String {
    let error = connection(&words(line), env).expect_err("must be refused");
    assert_eq!(error.kind(), leoscope_core::ErrorKind::InvalidArgument);
    format!("{error}; {}", error.what_to_do().unwrap_or("-"))
}

#[test]
fn the_options_hold_together() {
    Bare::command().debug_assert();
}

#[test]
fn what_is_given_wins_over_the_environment_and_that_over_the_profile() {
    let args = connection(&[], &Env::new()).expect("defaults");
    assert_eq!((args.grpc_host.as_str(), args.grpc_port), ("localhost", 50_051));
    assert!(args.userid.is_none() && args.tls_cert.is_none());

    let (_home, mut env) = profile_file(
        "[default]\ngrpc-host = 'profile'\ngrpc_port = 1\nuserid = 'p'\naccess-token-file = 'f'\n\
         [lab]\ngrpc-host = 'lab'\n",
    );
    let host = |line: &str, env: &Env| connection(&words(line), env).expect(line).grpc_host;
    assert_eq!(host("", &env), "profile");
    assert_eq!(host("--profile=lab", &env), "lab");
    env.insert("LEOSCOPE_GRPC_HOST".into(), "environment".into());
    assert_eq!(host("", &env), "environment");
    assert_eq!(host("--grpc-host=given", &env), "given");
    env.insert("LEOSCOPE_ACCESS_TOKEN".into(), "t".into());
    let args = connection(&words("--grpc-port=2"), &env).expect("options");
    assert_eq!((args.grpc_port, args.userid.expect("user").as_str()), (2, "p"));
    assert!(args.proof.access_token.is_some() && args.proof.access_token_file.is_none());
}

#[test]
fn what_a_profile_says_of_other_options_is_left_alone() {
    let text = "[default]\nuserid = 'p'\noutput = 'json'\nnodeid = 'n'\nlenght = 5\nown = { a = 1 }\n";
    let (_home, env) = profile_file(text);
    assert_eq!(connection(&[], &env).expect("options").userid.expect("user").as_str(), "p");
    // So are variables of other programs.
    let env = Env::from([("LEOSCOPE_OUTPUT".into(), "xml".into()), ("LEOSCOPE_LIMIT".into(), "x".into())]);
    connection(&[], &env).expect("options");
}

#[test]
fn what_is_wrong_is_told_in_a_line_and_without_secrets() {
    let none = Env::new();
    for (line, told) in [
        ("--userid=a/b", "--userid: user id \"a/b\" contains '/'; use 1 to 128"),
        ("--grpc-port=0", "invalid value '0' for '--grpc-port <PORT>': 0 is not in 1..=65535; -"),
        ("--grpc-hots=h", "unexpected argument '--grpc-hots' found; did you mean --grpc-host?"),
        ("--help", "unexpected argument '--help' found; -"),
        ("--userid", "a value is required for '--userid <USERID>' but none was supplied; -"),
        ("--profile-file=/nowhere", "profile file /nowhere cannot be read: "),
    ] {
        let text = refusal(line, &none);
        assert!(text.starts_with(told), "{line}: {text}");
    }
    let (_home, mut env) = profile_file("[default]\ngrpc-port = 0\naccess-token = 'hunter2'\n");
    let text = refusal("", &env);
    assert!(text.contains("profiles.toml [default] grpc-port: invalid value \"0\""), "{text}");
    let shown = format!("{:?}", connection(&words("--grpc-port=1"), &env).expect("options"));
    assert!(!shown.contains("hunter2"), "{shown}");
    env.insert("LEOSCOPE_PROFILE".into(), "nope".into());
    let text = refusal("", &env);
    assert!(text.ends_with("has no profile \"nope\"; it has: default"), "{text}");
}
