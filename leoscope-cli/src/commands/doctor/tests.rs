use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use clap::Parser as _;

use super::*;
use crate::cli::Cli;

/// What the local checks find with these options, a line for each.
async fn local(options: &[&str], env: &Env) -> Vec<String> {
    let words = ["leoscope", "doctor"].iter().chain(options);
    let args = Cli::try_parse_from(words).expect("command line").global.connection;
    let choice = ProfileChoice::new(args.profile.clone(), args.profile_file.clone(), env);
    let mut examination = Examination::default();
    examination.local(None, &choice, &Session::new(args, env)).await;
    let shown = |made: Checked| format!("{}: {}, {}", made.check, made.finding.verdict, made.finding.found);
    examination.checks.into_iter().map(shown).collect()
}

#[tokio::test]
async fn with_nothing_set_it_says_what_is_missing() {
    insta::assert_snapshot!(local(&[], &Env::new()).await.join("\n"), @"
    settings: warning, there is no configuration directory
    token file: ok, none is used
    credentials: failed, no user id is given
    certificate: ok, none is named: one of a public authority is trusted
    ");
}

#[tokio::test]
async fn what_needs_something_broken_is_skipped() {
    let mut examination = Examination::default();
    let choice = ProfileChoice::new(None, None, &Env::new());
    let args = Cli::try_parse_from(["leoscope", "doctor"]).expect("command line").global.connection;
    let session = Session::new(args, &Env::new());
    examination.local(Some(&Error::invalid("broken").hint("mend it")), &choice, &session).await;
    examination.remote("localhost", 1, &session).await;
    let [settings, others @ ..] = &examination.checks[..] else { panic!("checks") };
    assert_eq!(settings.finding, Finding::failed("broken", "mend it"));
    assert_eq!(others.len(), 7);
    assert!(others.iter().all(|made| made.finding.verdict == Verdict::Skipped), "{others:?}");
}

#[tokio::test]
async fn files_are_looked_at() {
    let home = tempfile::tempdir().expect("directory");
    let env = Env::from([("XDG_CONFIG_HOME".into(), home.path().display().to_string())]);
    fs::create_dir(home.path().join("leoscope")).expect("directory");
    let profiles = home.path().join("leoscope/profiles.toml");
    let (token, certificate) = (home.path().join("token"), home.path().join("server.crt"));
    let options = [
        "--userid=me".to_owned(),
        format!("--access-token-file={}", token.display()),
        format!("--tls-cert={}", certificate.display()),
    ];
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let found =
        async || local(&options, &env).await.join("\n").replace(&home.path().display().to_string(), "~");

    insta::assert_snapshot!(found().await, @"
    settings: ok, there is no profile file ~/leoscope/profiles.toml; 'leoscope login' makes one
    token file: failed, access token file ~/token cannot be read: No such file or directory (os error 2)
    credentials: skipped, needs the check before it: token file
    certificate: failed, ~/server.crt cannot be read: No such file or directory (os error 2)
    ");

    fs::write(&token, "hunter2").expect("file");
    fs::set_permissions(&token, fs::Permissions::from_mode(0o644)).expect("permissions");
    fs::write(&profiles, "[default]\naccess-token = 'hunter2'\n").expect("file");
    fs::set_permissions(&profiles, fs::Permissions::from_mode(0o644)).expect("permissions");
    fs::write(&certificate, "nothing").expect("file");
    insta::assert_snapshot!(found().await, @"
    settings: warning, others can read ~/leoscope/profiles.toml, and there is a token in it
    token file: warning, others can read ~/token
    credentials: ok, me, by the token file
    certificate: failed, ~/server.crt holds no certificate in PEM form
    ");

    fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).expect("permissions");
    fs::set_permissions(&profiles, fs::Permissions::from_mode(0o600)).expect("permissions");
    fs::write(&certificate, include_bytes!("../../../../leoscope-core/src/client/testdata/version1.crt"))
        .expect("file");
    insta::assert_snapshot!(found().await, @"
    settings: ok, profile default of ~/leoscope/profiles.toml
    token file: ok, ~/token is private
    credentials: ok, me, by the token file
    certificate: ok, ~/server.crt holds 1
    ");
}
