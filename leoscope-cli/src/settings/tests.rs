use clap::{CommandFactory as _, FromArgMatches as _};

use super::*;
use crate::cli::{Cli, Format};

fn words(line: &str) -> Vec<OsString> {
    line.split(' ').map(OsString::from).collect()
}

fn env(pairs: &[(&str, &str)]) -> Env {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn parse(line: &str, env: &Env) -> Cli {
    let args = words(line);
    let command = layered(Cli::command(), &args, env).expect("settings");
    Cli::from_arg_matches(&command.try_get_matches_from(args).expect("arguments")).expect("command line")
}

fn refusal(line: &str, env: &Env) -> String {
    let error = layered(Cli::command(), &words(line), env).expect_err("must be refused");
    format!("{error}; {}", error.what_to_do().unwrap_or("-"))
}

fn profile_file(text: &str) -> (tempfile::TempDir, Env) {
    let home = tempfile::tempdir().expect("directory");
    std::fs::create_dir(home.path().join("leoscope")).expect("directory");
    std::fs::write(home.path().join("leoscope/profiles.toml"), text).expect("file");
    let env = env(&[("XDG_CONFIG_HOME", &home.path().display().to_string())]);
    (home, env)
}

#[test]
fn the_command_line_wins_over_the_environment_and_that_over_the_profile() {
    let (_home, mut env) = profile_file("[default]\ngrpc-host = 'profile'\ngrpc_port = 1\nuserid = 'p'\n");
    assert_eq!(parse("leoscope user get", &Env::new()).global.connection.grpc_host, "localhost");
    let global = parse("leoscope user get", &env).global.connection;
    assert_eq!((global.grpc_host.as_str(), global.grpc_port), ("profile", 1));
    env.insert("LEOSCOPE_GRPC_HOST".into(), "environment".into());
    // Empty is absent.
    env.insert("LEOSCOPE_USERID".into(), String::new());
    let global = parse("leoscope user get", &env).global.connection;
    assert_eq!((global.grpc_host.as_str(), global.grpc_port), ("environment", 1));
    assert_eq!(global.userid.expect("user").as_str(), "p");
    for line in ["leoscope --grpc-host=line user get", "leoscope user get --grpc-host line"] {
        assert_eq!(parse(line, &env).global.connection.grpc_host, "line", "{line}");
    }
}

#[test]
fn every_option_of_every_command_has_its_variable_and_key() {
    let table =
        "[default]\nlength = 60\nstart-date = 2026-12-01T00:00:00\noverhead = false\nparams_mode = 'x'\n";
    let (_home, mut env) = profile_file(table);
    env.insert("LEOSCOPE_NODEID".into(), "n".into());
    env.insert("LEOSCOPE_OUTPUT".into(), "json".into());
    env.insert("LEOSCOPE_QUIET".into(), "TRUE".into());
    let cli = parse("leoscope job schedule", &env);
    let shown = format!("{:?}", cli.command);
    for part in ["nodeid: [\"n\"]", "RunLength(60)", "2026-12-01T00:00:00Z", "overhead: false", "mode: \"x\""]
    {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    assert_eq!((cli.global.output, cli.global.quiet), (Format::Json, true));
    let cli = parse("leoscope job schedule --overhead --nodeid=m", &env);
    assert!(format!("{:?}", cli.command).contains("overhead: true"));
}

#[test]
fn a_selector_on_the_line_silences_the_others_elsewhere() {
    let (_home, mut env) = profile_file("[default]\nnodeid = 'from-profile'\n");
    let shown = |line: &str, env: &Env| format!("{:?}", parse(line, env).command);
    let node_only = shown("leoscope job get", &env);
    assert!(node_only.contains("jobid: None, nodeid: Some(\"from-profile\")"), "{node_only}");
    for line in ["leoscope job delete --jobid=j", "leoscope job get --jobid=j"] {
        let job_only = shown(line, &env);
        assert!(job_only.contains("jobid: Some(\"j\"), nodeid: None"), "{job_only}");
    }
    assert!(shown("leoscope job get --of-user=u", &env).contains("nodeid: None, of_user: Some(\"u\")"));
    // The environment wins over the profile for the group as a whole.
    env.insert("LEOSCOPE_JOBID".into(), "j".into());
    let job_only = shown("leoscope job get", &env);
    assert!(job_only.contains("jobid: Some(\"j\"), nodeid: None"), "{job_only}");
    // Filters that narrow each other are no selectors.
    assert!(shown("leoscope run get", &env).contains("nodeid: Some(\"from-profile\")"));
}

#[test]
fn profiles_are_chosen_by_name_and_file() {
    let (home, mut set) = profile_file("[default]\ngrpc-host = 'a'\n[lab]\ngrpc-host = 'b'\n");
    assert_eq!(parse("leoscope user get --profile lab", &set).global.connection.grpc_host, "b");
    set.insert("LEOSCOPE_PROFILE".into(), "lab".into());
    assert_eq!(parse("leoscope user get", &set).global.connection.grpc_host, "b");
    let file = home.path().join("leoscope/profiles.toml");
    let line = format!("leoscope --profile-file={} user get", file.display());
    assert_eq!(parse(&line, &env(&[])).global.connection.grpc_host, "a");
    let missing = refusal("leoscope user get --profile nope", &set);
    assert!(missing.ends_with("has no profile \"nope\"; it has: default, lab"), "{missing}");
    let missing = refusal("leoscope --profile-file=/nowhere user get", &set);
    assert!(missing.starts_with("profile file /nowhere cannot be read: "), "{missing}");
}

#[test]
fn a_wrong_value_is_told_with_its_place_and_never_a_secret() {
    let cases = [
        ("LEOSCOPE_NODEID", "a/b", "LEOSCOPE_NODEID: node id \"a/b\" contains '/'; use 1 to 128"),
        ("LEOSCOPE_LIMIT", "x", "LEOSCOPE_LIMIT: invalid value \"x\": invalid digit"),
        ("LEOSCOPE_OUTPUT", "xml", "LEOSCOPE_OUTPUT: invalid value \"xml\"; use one of table, json"),
        ("LEOSCOPE_QUIET", "maybe", "LEOSCOPE_QUIET: \"maybe\" is neither true nor false; write"),
        ("LEOSCOPE_GRPC_PORT", "0", "LEOSCOPE_GRPC_PORT: invalid value \"0\": 0 is not in 1..=65535"),
    ];
    for (name, value, expected) in cases {
        let text = refusal("leoscope run get", &env(&[(name, value)]));
        assert!(text.starts_with(expected), "{text}");
        // Only what the command takes can be in its way, and help is always to be had.
        let other = env(&[(name, value)]);
        assert!(layered(Cli::command(), &words("leoscope run get --help"), &other).is_ok());
    }
    parse("leoscope user get", &env(&[("LEOSCOPE_LIMIT", "x"), ("LEOSCOPE_LOG", "debug")]));

    for text in ["access-token = 'hunter2'", "[default]\naccess-token = 'hunter2", "[default]\nhunter2"] {
        let (_home, mut env) = profile_file(text);
        // As the name of a profile, a key at the top level is looked at too.
        env.insert("LEOSCOPE_PROFILE".into(), "access-token".into());
        let told = refusal("leoscope user get", &env);
        assert!(!told.contains("hunter2"), "{told}");
    }
    let (_home, env) = profile_file("[default]\nlenght = 5\n");
    let told = refusal("leoscope user get", &env);
    assert!(told.contains("profiles.toml [default]: \"lenght\" is not an option; "), "{told}");
}

#[test]
fn help_does_not_show_what_is_set() {
    let env = env(&[("LEOSCOPE_ACCESS_TOKEN", "hunter2"), ("LEOSCOPE_GRPC_HOST", "private.example")]);
    let mut command = layered(Cli::command(), &words("leoscope user get"), &env).expect("settings");
    let help = command.render_long_help().to_string();
    assert!(!help.contains("hunter2") && !help.contains("private.example"), "{help}");
}

#[test]
fn a_forgotten_variable_never_chooses_what_is_deleted() {
    let env = env(&[("LEOSCOPE_NODEID", "node-1"), ("LEOSCOPE_JOBID", "exp"), ("LEOSCOPE_USERID", "me")]);
    for line in ["leoscope job delete", "leoscope node delete"] {
        let parsed = format!(
            "{:?}",
            layered(Cli::command(), &words(line), &env)
                .map(|command| { command.try_get_matches_from(words(line)).map_err(|error| error.kind()) })
        );
        assert!(!parsed.contains("node-1") && !parsed.contains("\"exp\""), "{line}: {parsed}");
        assert!(parsed.contains("me") || parsed.contains("MissingRequiredArgument"), "{line}: {parsed}");
    }
}

#[test]
fn the_current_profile_is_used_where_none_is_named() {
    let (_home, mut env) =
        profile_file("current = 'lab'\n[default]\ngrpc-host = 'a'\n[lab]\ngrpc-host = 'b'\n");
    assert_eq!(parse("leoscope user get", &env).global.connection.grpc_host, "b");
    assert_eq!(parse("leoscope user get --profile=default", &env).global.connection.grpc_host, "a");
    env.insert("LEOSCOPE_PROFILE".into(), "default".into());
    assert_eq!(parse("leoscope user get", &env).global.connection.grpc_host, "a");
    env.insert("LEOSCOPE_PROFILE".into(), "current".into());
    assert!(refusal("leoscope user get", &env).contains("has no profile \"current\""));
    let (_home, env) = profile_file("current = 'gone'\n[default]\n");
    let told = refusal("leoscope user get", &env);
    assert!(
        told.ends_with("has no profile \"gone\", which is to be the current one; it has: default"),
        "{told}"
    );
    // A log-in makes it.
    assert_eq!(parse("leoscope login", &env).global.connection.grpc_host, "localhost");
    assert_eq!(parse("leoscope login --profile=new", &env).global.connection.grpc_host, "localhost");
    let (_home, env) = profile_file("[current]\ngrpc-host = 'a'\n");
    assert!(refusal("leoscope login", &env).contains("\"current\" is not the name of the profile"));
}

#[test]
fn what_proves_who_calls_silences_what_comes_from_further_below() {
    let (_home, mut env) = profile_file("[default]\naccess-token-file = 'f'\n");
    let proof = |line: &str, env: &Env| {
        let leoscope_settings::ProofArgs { access_token, access_token_file, jwt_access_token } =
            parse(line, env).global.connection.proof;
        (access_token.is_some(), access_token_file.is_some(), jwt_access_token.is_some())
    };
    assert_eq!(proof("leoscope user get", &env), (false, true, false));
    env.insert("LEOSCOPE_JWT_ACCESS_TOKEN".into(), "j".into());
    assert_eq!(proof("leoscope user get", &env), (false, false, true));
    assert_eq!(proof("leoscope user get --access-token=t", &env), (true, false, false));
    assert_eq!(proof("leoscope --access-token-file=f job get --nodeid=n", &env), (false, true, false));
    env.insert("LEOSCOPE_ACCESS_TOKEN".into(), "t".into());
    assert_eq!(proof("leoscope user get", &env), (true, false, true));
}
