use clap::CommandFactory as _;
use leoscope_core::backends::store::StoreLocation;
use leoscope_settings::LogFormat;

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

fn config(line: &str, env: &Env) -> Result<OrchestratorConfig> {
    try_parse(line, env)?.serve.config()
}

fn location(line: &str, pairs: &[(&str, &str)]) -> Result<StoreLocation> {
    let cli = try_parse(line, &env(pairs))?;
    match cli.command {
        Some(Command::Export(export)) => export.database.resolve(),
        Some(Command::Import(import)) => import.database.resolve(),
        None => cli.serve.database.resolve(),
    }
}

#[test]
fn the_definition_holds_together() {
    Cli::command().debug_assert();
}

#[test]
fn the_database_is_what_comes_first_of_flags_environment_and_state_directory() {
    let sqlite = |path: &str| StoreLocation::Sqlite(path.into());
    let mongodb = |uri: &str| StoreLocation::MongoDb(Secret::new(uri));
    let env = [("LEOSCOPE_DATABASE", "mongodb://h/e"), ("LEOSCOPE_STATE_DIR", "s")];
    for (line, env, expected) in [
        ("o", &[][..], sqlite("leoscope-state/leoscope.db")),
        ("o --state-dir=d", &[], sqlite("d/leoscope.db")),
        ("o", &env[1..], sqlite("s/leoscope.db")),
        ("o", &env, mongodb("mongodb://h/e")),
        ("o --database=sqlite:x", &env, sqlite("x")),
        ("o --db-server=db", &env, mongodb("mongodb://db:27017/leotest")),
        ("o --db-port=1 --db-name=n", &env, mongodb("mongodb://localhost:1/n")),
        ("o", &[("LEOSCOPE_DB_PORT", "1")], mongodb("mongodb://localhost:1/leotest")),
        ("o export --database=sqlite:x", &env, sqlite("x")),
        ("o export", &env, mongodb("mongodb://h/e")),
        ("o import --from=f --db-server=db", &env, mongodb("mongodb://db:27017/leotest")),
    ] {
        assert_eq!(location(line, env).expect(line), expected, "{line}");
    }
    for bad in [
        "o --database=x",
        "o --db-server=u:p@h",
        "o --database=sqlite:x --db-name=n",
        "o --database=sqlite:x --database-file=f",
        "o --grpc-port=1 export",
    ] {
        location(bad, &[]).expect_err(bad);
    }
}

#[test]
fn what_everybody_knows_and_no_way_to_sign_are_no_protection() {
    for bad in [
        "o --admin-access-token=leotest-access-token",
        "o --jwt-secret=jwt-secret --jwt-algo=HS256",
        "o --jwt-secret=own --jwt-algo=none",
        "o --jwt-secret=own --jwt-algo=jwt-algo",
    ] {
        config(bad, &Env::new()).expect_err(bad);
    }
    for name in ["LEOSCOPE_ADMIN_ACCESS_TOKEN", "LEOSCOPE_JWT_SECRET"] {
        config("o", &env(&[(name, "jwt-secret")])).expect_err(name);
    }
    for good in [
        "o --admin-access-token=leotest-access-token --jwt-secret=jwt-secret --insecure",
        "o --jwt-secret=own --jwt-algo=HS256",
    ] {
        assert!(config(good, &Env::new()).expect(good).jwt_key.is_some());
    }
    assert!(config("o", &Env::new()).expect("config").jwt_key.is_none());
    config("o --retention-days=1", &Env::new()).expect_err("nodes may report late");
}

#[test]
fn connections_are_protected_unless_somebody_says_otherwise() {
    let transport = |line: &str| config(line, &Env::new()).map(|config| config.transport);
    assert_eq!(transport("o").expect("default"), Transport::Tls);
    let own = CertificateFiles { certificate: "c".into(), key: "k".into() };
    assert_eq!(transport("o --tls-certificate=c --tls-key=k").expect("own"), Transport::OwnTls(own));
    assert_eq!(transport("o --plaintext").expect("asked for"), Transport::Plaintext);
    for bad in ["o --tls-certificate=c", "o --tls-key=k", "o --plaintext --tls-certificate=c --tls-key=k"] {
        transport(bad).expect_err(bad);
    }
}

#[test]
fn the_command_line_wins_over_the_environment_and_that_over_the_file() {
    let dir = tempfile::tempdir().expect("directory");
    let file = dir.path().join("orchestrator.toml");
    let text = "grpc-hostname = 'file'\ngrpc_port = 1\nplaintext = true\njwt-secret = 'own'\nlog-format = 'json'\n\
                web-origins = ['https://a.example', 'https://b.example']\nretention-days = 30\n";
    std::fs::write(&file, text).expect("file");
    let mut env = env(&[("LEOSCOPE_CONFIG", &file.display().to_string())]);
    let cli = try_parse("o", &env).expect("file");
    assert_eq!(cli.general.log_format, LogFormat::Json);
    let settings = cli.serve.config().expect("config");
    assert_eq!((settings.host.as_str(), settings.port), ("file", 1));
    assert_eq!(settings.web_origins, ["https://a.example", "https://b.example"]);
    assert_eq!((settings.transport, settings.jwt_key.is_some()), (Transport::Plaintext, true));
    env.insert("LEOSCOPE_GRPC_PORT".into(), "2".into());
    env.insert("LEOSCOPE_PLAINTEXT".into(), "false".into());
    env.insert("LEOSCOPE_JWT_SECRET_FILE".into(), dir.path().join("secret").display().to_string());
    std::fs::write(dir.path().join("secret"), "jwt-secret\n").expect("file");
    let error = config("o --grpc-hostname=line", &env).expect_err("its secret is well known");
    assert_eq!(error.message(), "--jwt-secret is \"jwt-secret\", which everybody knows");
    let settings = config("o --grpc-hostname=line --jwt-secret=other", &env).expect("config");
    assert_eq!((settings.host.as_str(), settings.port, settings.transport), ("line", 2, Transport::Tls));

    for (text, expected) in [
        ("grpc-port = 'x'\n", " grpc-port: invalid value"),
        ("grpc-prot = 1\n", ": \"grpc-prot\" is not an option"),
        ("config = 'other'\n", ": \"config\" is not an option"),
        ("jwt-secret = hunter2\n", " line 1: "),
        ("[server]\ngrpc-port = 1\n", ": \"server\" is not an option"),
    ] {
        std::fs::write(&file, text).expect("file");
        let error = try_parse("o", &env_of(&file)).expect_err(text);
        assert!(error.message().contains(expected), "{error}");
        assert!(
            error.message().starts_with("configuration file ") && !error.message().contains("hunter2"),
            "{error}"
        );
    }
    try_parse("o --config=/nowhere.toml", &Env::new()).expect_err("a file that is not there");
}

#[test]
fn what_is_given_above_outranks_what_conflicts_with_it_below() {
    let dir = tempfile::tempdir().expect("directory");
    let file = dir.path().join("orchestrator.toml");
    let own = "tls-certificate = 'c'\ntls-key = 'k'\n";
    let own_tls = Transport::OwnTls(CertificateFiles { certificate: "c".into(), key: "k".into() });
    let line_tls = Transport::OwnTls(CertificateFiles { certificate: "l".into(), key: "k".into() });
    let line = "o --tls-certificate=l --tls-key=k";
    for (text, line, variable, expected) in [
        (format!("plaintext = false\n{own}"), "o", None, own_tls.clone()),
        ("plaintext = true\n".to_owned(), line, None, line_tls.clone()),
        (own.to_owned(), "o", Some(("LEOSCOPE_PLAINTEXT", "false")), own_tls.clone()),
        (own.to_owned(), "o", Some(("LEOSCOPE_PLAINTEXT", "true")), Transport::Plaintext),
        (own.to_owned(), "o --plaintext", None, Transport::Plaintext),
        ("plaintext = true\n".to_owned(), "o", Some(("LEOSCOPE_PLAINTEXT", "false")), Transport::Tls),
        (own.to_owned(), "o --tls-certificate=l", None, line_tls),
    ] {
        std::fs::write(&file, &text).expect("file");
        let mut env = env_of(&file);
        env.extend(variable.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let found = config(line, &env).unwrap_or_else(|error| panic!("{text}{line}: {error}"));
        assert_eq!(found.transport, expected, "{text}{line}");
    }
    for (text, variables) in [
        ("admin-access-token = 'a'\nadmin-access-token-file = 'b'\n", &[][..]),
        ("plaintext = true\ntls-certificate = 'c'\ntls-key = 'k'\n", &[]),
        ("", &[("LEOSCOPE_DATABASE", "memory:"), ("LEOSCOPE_DB_NAME", "n")]),
    ] {
        std::fs::write(&file, text).expect("file");
        let mut env = env_of(&file);
        env.extend(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let error = config("o", &env).expect_err(text);
        assert!(error.message().ends_with(" cannot both be given"), "{error}");
    }
    std::fs::write(&file, "from = 'x'\n").expect("file");
    try_parse("o import", &env_of(&file)).expect_err("what is taken in is said each time");
}

fn env_of(file: &Path) -> Env {
    env(&[("LEOSCOPE_CONFIG", &file.display().to_string())])
}

#[test]
fn the_file_in_the_manual_is_one() {
    let manual = include_str!("../../../docs/operating-an-orchestrator.md");
    let example =
        manual.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("example");
    let dir = tempfile::tempdir().expect("directory");
    let file = dir.path().join("orchestrator.toml");
    std::fs::write(&file, example).expect("file");
    let cli = try_parse(&format!("o --config={}", file.display()), &Env::new()).expect("the example");
    assert_eq!(cli.general.log_format, LogFormat::Json);
}
