//! What the `trigger` commands say.

use leoscope_core::time::{SignedDuration, wire_time};
use leoscope_core::trigger::{Field, Sample};

use super::fetching::Buffer;
use super::*;

/// What a `trigger` command prints, on standard output and on standard error, and how it ends.
async fn said(line: &[&str], plane: Plane) -> (String, String, Result<ExitStatus>) {
    let line = ["leoscope", "trigger"].iter().chain(line);
    let cli = Cli::try_parse_from(line).unwrap_or_else(|error| panic!("{error}"));
    let Command::Trigger(command) = cli.command else { panic!("no trigger command") };
    let session = Session::given("me", Arc::new(plane));
    let (data, messages) = (Buffer::default(), Buffer::default());
    let out = Output::into_writers(cli.global.output, cli.global.quiet, data.clone(), messages.clone());
    let status = super::super::trigger::run(command, &session, &out).await;
    (data.text(), messages.text(), status)
}

/// The same as one text.
async fn shown(line: &[&str], plane: Plane) -> String {
    let (data, messages, status) = said(line, plane).await;
    let status = status.map_or_else(
        |error| format!("{error} ({})", error.what_to_do().unwrap_or("no hint")),
        |status| status.code().to_string(),
    );
    format!("$ {}\n{data}--- stderr\n{messages}--- status {status}\n", line.join(" "))
}

async fn all_shown(lines: &[&[&str]]) -> String {
    let mut all = Vec::new();
    for line in lines {
        all.push(shown(line, Plane::default()).await);
    }
    all.join("\n")
}

#[tokio::test]
async fn check_shows_what_a_condition_names_and_every_mistake() {
    let good = "pop_ping_latency_ms<40 & weather_temp > 280 && custom.fan";
    let bad = "dish.latncy > 40 and dish.state = 1";
    insta::assert_snapshot!(
        "trigger_check",
        all_shown(&[
            &["check", good],
            &["check", good, "--output=json"],
            &["check", good, "--quiet"],
            &["check", "true"],
            &["check", bad],
            &["check", bad, "--output=json"],
            &["check", bad, "--output=json", "--quiet"],
            &["check", "dish.latency \u{1b}[2J< 1"],
            &["check", ""],
        ])
        .await
    );
}

#[tokio::test]
async fn eval_gives_a_verdict_and_why() {
    let text = "for(dish.latency < 55, 1) and weather_temp > 280";
    let plain = ["--set=dish.latency=60,50,40", "--set=weather_temp=300"];
    let lines: [&[&str]; 7] = [
        &["eval", text, plain[0], plain[1]],
        &["eval", text, plain[0], "--set", "weather.temperature=-3"],
        &["eval", text, plain[0]],
        &["eval", text, plain[0], plain[1], "--quiet"],
        &["eval", text, plain[0], "--set", "pop_ping_latency_ms=3"],
        &["eval", "dish.state == 'CONNECTED'", "--set", "dish.state=CONNECTED", "--set=dish.uptime=3"],
        &["eval", "dish.latncy < 3", "--set", "dish.latency=3"],
    ];
    let shown = all_shown(&lines).await;
    // The readings are of now.
    insta::assert_snapshot!("trigger_eval", shown);
    let json = said(&["eval", text, plain[0], plain[1], "--output=json"], Plane::default()).await.0;
    let json: serde_json::Value = serde_json::from_str(&json).expect("json");
    assert_eq!(json["verdict"], "MET");
    assert_eq!(json["readings"][0]["field"], "dish.latency");
    assert_eq!(json["readings"][0]["at"], json["at"]);
    for (value, expected) in [
        ("dish.latncy=3", "there is no field dish.latncy"),
        ("dish.latency", "\"dish.latency\" has no '=' in it"),
        ("dish.latency=fast", "dish.latency is a number, \"fast\" is not"),
        ("dish.obstructed=maybe", "dish.obstructed is yes or no, \"maybe\" is not"),
    ] {
        let error = Cli::try_parse_from(["leoscope", "trigger", "eval", "true", "--set", value]);
        let error = error.expect_err(value).to_string();
        assert!(error.contains(expected), "{error}");
    }
}

/// What a node shows, second by second.
fn latencies(latencies: &[Option<f64>]) -> Plane {
    let start = parse_time("2026-12-01T00:00:00").expect("time");
    let shown = |(second, latency): (i64, &Option<f64>)| {
        let at = start.checked_add(SignedDuration::from_secs(second)).expect("time");
        let sample = match latency {
            Some(latency) => Sample::number(Field::DISH_LATENCY, *latency, at),
            None => Sample::none(Field::DISH_LATENCY, at),
        };
        let later = Reading { field: "dish.colour".into(), ..sample.clone().into() };
        Ok(NodeReadings { at, readings: vec![sample.into(), later] })
    };
    Plane { readings: (0..).zip(latencies).map(shown).collect(), ..Plane::default() }
}

const WATCHED: [Option<f64>; 6] = [Some(50.0), Some(51.0), Some(30.0), Some(31.0), None, Some(52.5)];

#[tokio::test]
async fn watch_prints_a_line_for_each_change_until_it_is_met_or_the_node_has_gone() {
    let watch = ["watch", "dish.latency < 40", "--nodeid=n"];
    let mut all = Vec::new();
    for more in [&[][..], &["--all"], &["--until-met"], &["--quiet"], &["--output=json", "--until-met"]] {
        all.push(shown(&[&watch[..], more].concat(), latencies(&WATCHED)).await);
    }
    all.push(shown(&["watch", "dish.latncy < 40", "--nodeid=n"], latencies(&WATCHED)).await);
    insta::assert_snapshot!("trigger_watch", all.join("\n"));
}

#[tokio::test(start_paused = true)]
async fn watch_ends_in_time() {
    let silent = || Plane { is_silent: true, ..latencies(&WATCHED[..2]) };
    let watch = ["watch", "dish.latency < 40", "--nodeid=n", "--timeout=5", "--until-met"];
    let (data, messages, status) = said(&watch, silent()).await;
    assert_eq!((data.lines().count(), status.expect("status")), (1, ExitStatus::TimedOut));
    assert_eq!(messages, "note: 5 s are over\n");
    let (_, _, status) = said(&watch[..4], silent()).await;
    assert_eq!(status.expect("status"), ExitStatus::Done, "nothing was waited for");
}

#[tokio::test]
async fn fields_are_those_of_the_table_or_what_a_node_reads() {
    let (data, messages, _) = said(&["fields"], Plane::default()).await;
    assert_eq!(data.lines().count(), Field::all().len() + 1);
    insta::assert_snapshot!(
        "trigger_fields",
        data.lines().filter(|line| line.contains("weather")).collect::<Vec<_>>().join("\n")
    );
    assert!(messages.contains("satellite[\"NAME\"] has elevation, azimuth, range, visible"), "{messages}");
    let (json, _, _) = said(&["fields", "--output=json"], Plane::default()).await;
    let json: Vec<serde_json::Value> = serde_json::from_str(&json).expect("json");
    let temperature = json.iter().find(|field| field["name"] == "weather.temperature").expect("field");
    assert_eq!(temperature["unit"], "°C");
    assert_eq!(temperature["aliases"][0], serde_json::json!({ "name": "weather_temp", "unit": "K" }));
    assert_eq!((&temperature["kind"], &temperature["ahead"]), (&"number".into(), &"hourly".into()));

    let node = shown(&["fields", "--nodeid=n"], latencies(&WATCHED)).await;
    let json = shown(&["fields", "--nodeid=n", "--output=json"], latencies(&WATCHED)).await;
    let silent = shown(&["fields", "--nodeid=n"], Plane::default()).await;
    insta::assert_snapshot!("trigger_fields_of_a_node", [node, json, silent].join("\n"));
}

/// A table of latencies, a second apart.
fn table(latencies: &[u32]) -> String {
    let start = parse_time("2026-12-01T00:00:00").expect("time");
    let mut table = "datetimestamp_utc,pop_ping_latency_ms,snr,currently_obstructed\n".to_owned();
    for (second, latency) in (0..).zip(latencies) {
        let at = start.checked_add(SignedDuration::from_secs(second)).expect("time");
        table += &format!("{},{latency},,False\n", wire_time(at));
    }
    table
}

#[tokio::test]
async fn backtest_tells_when_it_held_and_what_would_have_run() {
    let dir = tempfile::tempdir().expect("directory");
    let recorded: Vec<u32> = (0..30).map(|second| if second % 10 == 9 { 60 } else { 30 }).collect();
    let path = dir.path().join("dish.csv");
    std::fs::write(&path, table(&recorded)).expect("table");
    let path = path.display().to_string();
    let text = "dish.latency < 40 and not dish.obstructed";
    let mut all = Vec::new();
    for more in [
        &[][..],
        &["--met-for=2", "--length=3", "--cooldown=6"],
        &["--quiet", "--length=5"],
        &["--output=json", "--met-for=8.5"],
    ] {
        all.push(shown(&[&["backtest", text, &path], more].concat(), Plane::default()).await);
    }
    all.push(
        shown(&["backtest", "dish.latency > 70 or satellite.visible > 3", &path], Plane::default()).await,
    );
    all.push(shown(&["backtest", "dish.latncy > 70", &path], Plane::default()).await);
    let all = all.join("\n").replace(&path, "dish.csv");
    insta::assert_snapshot!("trigger_backtest", all);
}

#[tokio::test]
async fn backtest_reads_bundles_and_what_they_were_unpacked_to() {
    let history = "datetimestamp_utc,pop_ping_latency_ms,power_w\n2026-12-01T00:00:00.5,99,55\n";
    let dir = tempfile::tempdir().expect("directory");
    std::fs::write(dir.path().join("dish.csv"), table(&[30])).expect("table");
    std::fs::write(dir.path().join("dish-history.csv"), history).expect("table");
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for file in ["dish.csv", "dish-history.csv"] {
        tar.append_path_with_name(dir.path().join(file), file).expect("append");
    }
    let bundle = dir.path().join("exp-r1.tar.gz");
    std::fs::write(&bundle, tar.into_inner().expect("tar").finish().expect("gzip")).expect("bundle");
    for path in [dir.path(), &bundle] {
        let line = [
            "backtest",
            "dish.latency < 40 and dish.power > 50",
            &path.display().to_string(),
            "--output=json",
        ];
        let (json, _, status) = said(&line, Plane::default()).await;
        assert_eq!(status.expect("status"), ExitStatus::Done);
        let json: serde_json::Value = serde_json::from_str(&json).expect("json");
        // The latency is that of the status: nodes decide on it.
        assert_eq!(json["met"]["windows"][0]["start"], "2026-12-01T00:00:00.5Z", "{json:#}");
        assert_eq!(json["met"]["secs"], 1.0, "{json:#}");
    }
}

#[tokio::test]
async fn what_is_no_recording_is_refused_with_its_place() {
    let dir = tempfile::tempdir().expect("directory");
    let write = |name: &str, content: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, content).expect("write");
        path.display().to_string()
    };
    let below = dir.path().display().to_string();
    let mut all = Vec::new();
    for file in [
        format!("{below}/nothing.csv"),
        write("empty.csv", b""),
        write("head.csv", b"time,dish.latency\n"),
        write("no-time.csv", b"when,dish.latency\n1,2\n"),
        write("no-field.csv", b"time,colour\n1,2\n"),
        write("twice.csv", b"time,dish.latency,pop_ping_latency_ms\n1,2,3\n"),
        write("bad-time.csv", b"time,dish.latency\n1,2\nyesterday,2\n"),
        write("bad-value.csv", b"time,dish.latency\n1,2\n2,fast\n"),
        write("torn.csv", b"time,dish.latency\n1,2\n2\n"),
        write("binary.csv", b"time,dish.latency\n1,\xff\xfe\n"),
        write("no-bundle.tar.gz", b"PK"),
        below.clone(),
    ] {
        all.push(shown(&["backtest", "dish.latency < 40", &file], Plane::default()).await);
    }
    insta::assert_snapshot!("trigger_backtest_refused", all.join("\n").replace(&below, "DIR"));
}
