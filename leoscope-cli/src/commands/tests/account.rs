//! Logging in and out, profiles, and `doctor`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use leoscope_settings::{ConnectionArgs, Env, ProfileChoice, Profiles, tokens};
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::super::doctor::Examination;
use super::super::login::{self, LogIn};
use super::super::profile;
use super::*;
use crate::output::whole_profile;

/// A home of its own.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("directory"))
    }

    fn env(&self) -> Env {
        Env::from([("XDG_CONFIG_HOME".into(), self.0.path().display().to_string())])
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join("leoscope").join(name)
    }

    fn profiles(&self) -> String {
        let text = fs::read_to_string(self.file("profiles.toml")).unwrap_or_default();
        text.replace(&self.0.path().display().to_string(), "~")
    }

    async fn log_in(&self, name: &str, token: &str, plane: Plane) -> Result<ExitStatus> {
        let choice = ProfileChoice::new(Some(name.into()), None, &self.env());
        let log_in = LogIn {
            profiles: Profiles::open(&choice)?,
            file: tokens::place(name, &self.file("profiles.toml"))?,
            token: Secret::new(token),
            host: "example.org".into(),
            port: 50_051,
        };
        log_in.keep(&Session::given("me", Arc::new(plane)), &silent()).await
    }

    fn run(&self, line: &str) -> Result<ExitStatus> {
        let Cli { global, command, .. } = read(line);
        match command {
            Command::Profile(command) => profile::run(command, global.connection, &self.env(), &silent()),
            Command::Logout => login::log_out(global.connection, &self.env(), &silent()),
            other => panic!("{other:?}"),
        }
    }
}

fn read(line: &str) -> Cli {
    Cli::try_parse_from(line.split(' ')).expect("command line")
}

fn silent() -> Output {
    Output::into_writers(Format::Table, false, std::io::sink(), std::io::sink())
}

#[tokio::test]
async fn a_log_in_is_kept_and_forgotten() {
    let home = Home::new();
    home.log_in("lab", "hunter2", Plane::default()).await.expect("logged in");
    insta::assert_snapshot!(home.profiles(), @r#"
    [lab]
    userid = "me"
    grpc-host = "example.org"
    grpc-port = 50051
    access-token-file = "~/leoscope/tokens/lab"
    "#);
    let token = home.file("tokens/lab");
    assert_eq!(fs::read_to_string(&token).expect("token"), "hunter2\n");
    assert_eq!(fs::metadata(&token).expect("token").permissions().mode() & 0o777, 0o600);

    // What is stored is what the next command line starts from.
    let args = ["leoscope", "--profile=lab", "user", "get"].map(std::ffi::OsString::from);
    let command = crate::settings::layered(<Cli as clap::CommandFactory>::command(), &args, &home.env());
    let matches = command.expect("settings").try_get_matches_from(args).expect("arguments");
    let ConnectionArgs { userid, proof, grpc_port, .. } =
        <Cli as clap::FromArgMatches>::from_arg_matches(&matches).expect("command line").global.connection;
    assert_eq!(userid.map(String::from).as_deref(), Some("me"));
    assert_eq!((proof.access_token_file, grpc_port), (Some(token.clone()), 50_051));

    home.run("leoscope logout --profile=lab").expect("logged out");
    assert!(!token.exists());
    assert_eq!(home.profiles(), "[lab]\nuserid = \"me\"\ngrpc-host = \"example.org\"\ngrpc-port = 50051\n");
    home.run("leoscope profile remove lab").expect("removed");
    assert_eq!(home.profiles(), "");
    let error = home.run("leoscope logout --profile=lab").expect_err("nothing to forget");
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_refused_log_in_stores_nothing() {
    let home = Home::new();
    let plane = Plane { refuses: true, ..Plane::default() };
    let error = home.log_in("lab", "wrong", plane).await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert!(!home.file("").exists());
    for bad in ["current", "../x", "a b"] {
        home.log_in(bad, "t", Plane::default()).await.expect_err(bad);
    }
}

#[tokio::test]
async fn a_profile_is_chosen_and_removed() {
    let home = Home::new();
    for name in ["one", "two"] {
        home.log_in(name, name, Plane::default()).await.expect("logged in");
    }
    home.run("leoscope profile use two").expect("chosen");
    home.run("leoscope profile use three").expect_err("no such profile");
    for line in ["leoscope profile list", "leoscope profile show", "leoscope profile show one"] {
        home.run(line).expect(line);
    }
    let chosen = |home: &Home| {
        let profiles = Profiles::open(&ProfileChoice::new(None, None, &home.env())).expect("profiles");
        profiles.chosen().to_owned()
    };
    assert_eq!(chosen(&home), "two");
    home.run("leoscope profile remove two").expect("removed");
    assert_eq!(chosen(&home), "default");
    assert!(!home.file("tokens/two").exists() && home.file("tokens/one").exists());
}

#[tokio::test]
async fn profiles_are_listed_without_their_tokens() {
    let home = Home::new();
    home.log_in("one", "hunter2", Plane::default()).await.expect("logged in");
    let text = home.profiles() + "\n[two]\naccess-token = 'hunter2'\n";
    fs::write(home.file("profiles.toml"), text.replace("~", &home.0.path().display().to_string()))
        .expect("profiles");
    let profiles = Profiles::open(&ProfileChoice::new(None, None, &home.env())).expect("profiles");
    let json: Vec<_> = profiles.all().iter().map(whole_profile).collect();
    let shown = serde_json::to_string_pretty(&json).expect("json");
    insta::assert_snapshot!(shown.replace(&home.0.path().display().to_string(), "~"), @r#"
    [
      {
        "name": "one",
        "current": false,
        "userid": "me",
        "grpc_host": "example.org",
        "grpc_port": 50051,
        "has_token": true,
        "settings": {
          "access_token_file": "~/leoscope/tokens/one",
          "grpc_host": "example.org",
          "grpc_port": "50051",
          "userid": "me"
        }
      },
      {
        "name": "two",
        "current": false,
        "userid": null,
        "grpc_host": null,
        "grpc_port": null,
        "has_token": true,
        "settings": {
          "access_token": "***"
        }
      }
    ]
    "#);
}

/// What `doctor` finds with a host, a line for each check; and whether the log-in was refused.
async fn examined(host: &str, port: u16, plane: Plane) -> (Vec<String>, bool) {
    let mut examination = Examination::default();
    examination.remote(host, port, &Session::given("me", Arc::new(plane))).await;
    let checks = examination.checks.iter().map(|made| format!("{}: {}", made.check, made.finding.verdict));
    (checks.collect(), examination.is_refused)
}

#[tokio::test]
async fn the_orchestrator_is_looked_for_step_by_step() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("listen");
    let port = listener.local_addr().expect("address").port();
    let well = ["host name: ok", "connection: ok", "log-in: ok", "clock: ok"].map(str::to_owned).to_vec();
    assert_eq!(examined("127.0.0.1", port, Plane::default()).await, (well, false));

    let (refused, is_refused) =
        examined("127.0.0.1", port, Plane { refuses: true, ..Plane::default() }).await;
    assert_eq!(refused[2..], ["log-in: failed", "clock: skipped"]);
    assert!(is_refused);

    let several = format!("127.0.0.1,127.0.0.1:{port}");
    let (one_of_two, _) = examined(&several, 1, Plane::default()).await;
    assert_eq!(one_of_two[..3], ["host name: ok", "connection: warning", "log-in: ok"]);

    let (closed, _) = examined("127.0.0.1", 1, Plane::default()).await;
    assert_eq!(closed[1..], ["connection: failed", "log-in: skipped", "clock: skipped"]);
    let (no_host, _) = examined("http://x", 1, Plane::default()).await;
    assert_eq!(no_host[..2], ["host name: failed", "connection: skipped"]);
}

#[test]
fn completions_and_manual_pages_are_made() {
    let out = silent();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let Command::Completions(command) = read(&format!("leoscope completions {shell}")).command else {
            panic!("completions")
        };
        assert_eq!(command.run(&out).expect(shell), ExitStatus::Done);
    }
    let dir = tempfile::tempdir().expect("directory");
    let line = format!("leoscope man --dir={}", dir.path().join("man").display());
    for line in ["leoscope man", &line] {
        let Command::Man(command) = read(line).command else { panic!("man") };
        command.run(&out).expect(line);
    }
    for page in ["leoscope.1", "leoscope-job.1", "leoscope-job-schedule.1", "leoscope-profile-use.1"] {
        let text = fs::read_to_string(dir.path().join("man").join(page)).expect(page);
        assert!(text.contains(".TH"), "{page}");
    }
}
