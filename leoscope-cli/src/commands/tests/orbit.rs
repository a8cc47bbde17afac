//! What the `orbit` commands say, and what of satellites others do.

use super::fetching::Buffer;
use super::*;

/// What a command prints, on standard output and on standard error, and how it ends.
async fn shown(line: &[&str]) -> String {
    let cli = Cli::try_parse_from(["leoscope"].iter().chain(line)).unwrap_or_else(|error| panic!("{error}"));
    let session = Session::given("me", Arc::new(Plane::default()));
    let (data, messages) = (Buffer::default(), Buffer::default());
    let out = Output::into_writers(cli.global.output, cli.global.quiet, data.clone(), messages.clone());
    let status = match cli.command {
        Command::Orbit(command) => super::super::orbit::run(command, &session, &out).await,
        Command::Trigger(command) => super::super::trigger::run(command, &session, &out).await,
        other => panic!("{other:?}"),
    };
    let status = status.map_or_else(
        |error| format!("{error} ({})", error.what_to_do().unwrap_or("no hint")),
        |status| status.code().to_string(),
    );
    let (data, messages) = (data.text(), messages.text());
    format!("$ {}\n{data}--- stderr\n{messages}--- status {status}\n", line.join(" "))
}

async fn all_shown(lines: &[&[&str]]) -> String {
    let mut all = Vec::new();
    for line in lines {
        all.push(shown(line).await);
    }
    all.join("\n")
}

/// Satellites that are there without a testbed: those that `orbit walker` writes.
async fn written(dir: &Path) -> String {
    let line =
        ["orbit", "walker", "--planes=6", "--per-plane=8", "--phasing=1", "--epoch=2026-12-01T00:00:00"];
    let text = shown(&line).await;
    let elements = text.lines().nth(1).expect("elements");
    let path = dir.join("elements.json");
    std::fs::write(&path, elements).expect("write");
    path.display().to_string()
}

const PLACE: &str = "--site=47.6062,-122.3321,50";
const TIME: &str = "--at=2026-12-01T01:00:00";

#[tokio::test]
async fn the_sky_is_shown_as_a_list_and_as_a_chart() {
    let dir = tempfile::tempdir().expect("directory");
    let elements = format!("--elements={}", written(dir.path()).await);
    let elements = elements.as_str();
    let text = all_shown(&[
        &["orbit", "visible", PLACE, elements, TIME, "--mask=5"],
        &["orbit", "visible", PLACE, elements, TIME, "--mask=5", "--output=json", "--limit=1"],
        &["orbit", "visible", PLACE, elements, TIME, "--mask=5", "--quiet"],
        &["orbit", "passes", PLACE, elements, TIME, "--horizon=3h", "--min-elevation=40"],
        &[
            "orbit",
            "passes",
            PLACE,
            elements,
            TIME,
            "--horizon=12h",
            "--satellite=WALKER-0001",
            "--limit=1",
            "--output=json",
        ],
        &["orbit", "sky", PLACE, elements, TIME, "--mask=5"],
        &["orbit", "sky", PLACE, elements, TIME, "--gso-exclusion=18", "--quiet"],
    ])
    .await;
    let text = text.replace(&dir.path().display().to_string(), "DIR");
    insta::assert_snapshot!("orbit", text);
}

#[tokio::test]
async fn what_is_wrong_is_told() {
    let dir = tempfile::tempdir().expect("directory");
    let elements = format!("--elements={}", written(dir.path()).await);
    let elements = elements.as_str();
    let broken = dir.path().join("broken");
    std::fs::write(&broken, "no elements\n").expect("write");
    let broken = format!("--elements={}", broken.display());
    let text = all_shown(&[
        &["orbit", "visible", PLACE, "--elements=none.csv"],
        &["orbit", "visible", PLACE, &broken],
        &["orbit", "visible", PLACE, elements, "--mask=90"],
        &["orbit", "passes", PLACE, elements, "--horizon=15d"],
        &["orbit", "passes", PLACE, elements, "--satellite=NONE"],
        &["orbit", "visible", "--nodeid=node-seattle"],
        &["orbit", "walker", "--planes=0"],
        &["orbit", "walker", "--altitude=100"],
    ])
    .await;
    let text = text.replace(&dir.path().display().to_string(), "DIR");
    insta::assert_snapshot!("orbit_refused", text);
}

#[tokio::test]
async fn a_forecast_is_a_list_with_a_chart() {
    let from = "--from=2026-12-01T00:00:00";
    insta::assert_snapshot!(
        "trigger_forecast",
        all_shown(&[
            &["trigger", "forecast", "satellite_elevation > 40", "--node=node-seattle", from, "--horizon=2h"],
            &[
                "trigger",
                "forecast",
                "satellite_elevation > 40 and dish.latency < 50",
                "--nodeid=node-seattle",
                from,
                "--horizon=2h"
            ],
            &[
                "trigger",
                "forecast",
                "satellite_elevation > 40",
                "--nodeid=node-seattle",
                from,
                "--output=json"
            ],
            &["trigger", "forecast", "satellite_elevation > 40", "--nodeid=node-seattle", from, "--quiet"],
            &["trigger", "forecast", "satellite_elevaton > 40", "--nodeid=node-seattle", from],
        ])
        .await
    );
}
