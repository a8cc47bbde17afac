use clap::CommandFactory as _;
use leoscope_core::client::Proof;

use super::*;

fn env(pairs: &[(&str, &str)]) -> Env {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn try_parse(line: &str, env: &Env) -> Result<Cli> {
    parse(line.split(' ').map(OsString::from).collect(), env).map_err(|stop| match stop {
        Stop::Clap(answer) => Error::invalid(answer.to_string()),
        Stop::Error(error) => error,
    })
}

fn config(line: &str, pairs: &[(&str, &str)]) -> Result<NodeConfig> {
    try_parse(line, &env(pairs))?.run.config(Machine {
        zone: None,
        cron_reads_utc: true,
        program: "/usr/bin/leoscope-node".into(),
    })
}

fn token(user: &str, token: &str) -> Proof {
    Proof::Token { user: user.parse().expect("id"), token: Secret::new(token) }
}

#[test]
fn the_definition_holds_together() {
    Cli::command().debug_assert();
}

#[test]
fn options_come_from_the_command_line_the_environment_and_a_file() {
    let dir = tempfile::tempdir().expect("directory");
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).expect("write");
        path.display().to_string()
    };
    let file =
        write("node.toml", "nodeid = \"of-file\"\ngrpc-port = 1\ninterval = 7\naccess-token = \"f\"\n");
    let token_file = write("token", "of-token-file\n");
    let line = format!("n --config {file} --grpc-host h");
    let node = config(&line, &[("LEOSCOPE_GRPC_PORT", "2"), ("LEOSCOPE_TIME_ZONE", "Europe/Berlin")]);
    let node = node.expect("config");
    assert_eq!((node.node.as_str(), node.client.host.as_str(), node.client.port), ("of-file", "h", 2));
    assert_eq!(node.interval.as_secs(), 7);
    assert_eq!(node.client.proof, token("of-file", "f"));
    assert_eq!(node.time_zone, Some(Zone::parse("Europe/Berlin").expect("zone")));

    let with_env = [("LEOSCOPE_ACCESS_TOKEN", "e")];
    let node = config("n --nodeid a", &with_env).expect("environment");
    assert_eq!(node.client.proof, token("a", "e"));
    let line = format!("n --nodeid a --access-token-file {token_file}");
    let node = config(&line, &with_env).expect("file on the command line");
    assert_eq!(node.client.proof, token("a", "of-token-file"));
}

#[test]
fn what_is_missing_or_wrong_is_told_with_what_to_do() {
    let token = [("LEOSCOPE_ACCESS_TOKEN", "t")];
    for (line, pairs, message) in [
        ("n", &token[..], "no node id"),
        ("n --nodeid a", &[], "no access token"),
        ("n --nodeid a/b", &token, "--nodeid: node id \"a/b\" contains '/'"),
        ("n --nodeid a --tls-cert /none/such", &token, "cannot read /none/such"),
        ("n --nodeid a --executor-config /none/such", &token, "cannot read /none/such"),
        ("n --nodeid a", &[("LEOSCOPE_ACCESS_TOKEN", "t"), ("LEOSCOPE_INTERVAL", "0")], "LEOSCOPE_INTERVAL"),
    ] {
        let error = config(line, pairs).expect_err(line);
        assert!(error.message().contains(message), "{line}: {error}");
        assert!(error.kind() == leoscope_core::ErrorKind::InvalidArgument, "{line}: {error}");
    }
    let error = config("n --nodeid a --interval 0", &token).expect_err("interval");
    assert!(error.message().contains("--interval"), "{error}");
}

#[test]
fn commands_have_their_options_from_everywhere_as_well() {
    let cli = try_parse("n status", &env(&[("LEOSCOPE_STATE_DIR", "/s"), ("LEOSCOPE_OUTPUT", "json")]));
    let Some(Command::Status(status)) = cli.expect("status").command else { panic!("another command") };
    assert_eq!(status.state.dir().expect("directory"), Path::new("/s"));
    assert_eq!(status.output, Output::Json);
    let cli = try_parse("n doctor --dish 192.0.2.1:1", &env(&[("LEOSCOPE_NODEID", "a")]));
    let Some(Command::Doctor(doctor)) = cli.expect("doctor").command else { panic!("another command") };
    assert_eq!(doctor.node.id().expect("id").as_str(), "a");
    assert_eq!(doctor.dish.as_deref(), Some("192.0.2.1:1"));
}
