//! Planning, changing and moving bookings from the command line.

use serde_json::Value;

use crate::lab::Lab;

const CONFIG: &str = "process: {command: 'true'}";
const START: &str = "--start-date=2099-12-01T10:00:00";

/// `job schedule` or `job plan` of a day in 2099, with `more` options.
fn booking(lab: &Lab, command: &str, job: &str, more: &[&str]) -> Vec<String> {
    let config = lab.write("experiment.yaml", CONFIG);
    let mut args = vec!["job".to_owned(), command.to_owned()];
    args.extend([
        format!("--nodeid={}", lab.node_id),
        format!("--jobid={job}"),
        format!("--exp-config={config}"),
        START.to_owned(),
    ]);
    args.extend(more.iter().map(|&option| option.to_owned()));
    args
}

fn words(args: &[String]) -> Vec<&str> {
    args.iter().map(String::as_str).collect()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect(text)
}

#[test]
fn a_researcher_plans_books_changes_and_moves() {
    let lab = Lab::start("process");
    let hourly = ["--schedule=0 * * * *", "--end-date=2099-12-02T10:00:00", "--length=1800"];
    let plan = lab.cli_ok(&words(&booking(&lab, "plan", "hourly", &hourly)));
    assert!(plan.contains("2099-12-01T10:00:00  2099-12-01T10:30:00  1800"), "{plan}");
    assert_eq!(lab.cli_ok(&["job", "get", "--quiet"]), "", "a plan stores nothing");
    lab.cli_ok(&words(&booking(&lab, "schedule", "hourly", &hourly)));

    // A single run in the way of it: told by plan and booking alike, with times that are free.
    let once = ["--length=600"];
    let refused = lab.cli(&words(&booking(&lab, "schedule", "once", &once)));
    assert!(!refused.success && refused.stdout.is_empty(), "{refused:?}");
    assert!(refused.stderr.starts_with("error: schedule conflict: "), "{refused:?}");
    assert!(refused.stderr.contains("\nhint: start 2099-12-01T09:50:00, "), "{refused:?}");
    assert!(refused.stderr.contains("\nconflict: job hourly of "), "{refused:?}");
    let planned = [&once[..], &["--output=json"]].concat();
    let planned = lab.cli(&words(&booking(&lab, "plan", "once", &planned)));
    assert!(!planned.success, "a plan of what would be refused says so by its exit code");
    let planned = json(&planned.stdout);
    let first = &planned["refusal"]["alternatives"][0]["first_run"]["start"];
    assert_eq!(first, "2099-12-01T09:50:00Z");
    assert_eq!(planned["refusal"]["conflicts"][0]["job"], "hourly");
    let free = ["--length=600", "--start-date=2099-12-01T10:30:00", "--end-date=2099-12-01T14:00:00"];
    let mut args = booking(&lab, "schedule", "once", &free);
    args.retain(|arg| arg != START);
    lab.cli_ok(&words(&args));

    let node = format!("--nodeid={}", lab.node_id);
    let near = "--near=2099-12-01T10:00:00";
    let range = "--time-range=2099-12-01T00:00:00,2099-12-02T00:00:00";
    let slots = lab.cli_ok(&["job", "slots", &node, "--length=1200", near, range, "--count=2", "--quiet"]);
    assert_eq!(slots, "2099-12-01T09:40:00\n2099-12-01T10:40:00\n", "{slots}");

    // Half an hour becomes longer than the gap before the single run.
    let clash = lab.cli(&["job", "modify", "--jobid=hourly", "--length=1801"]);
    assert!(!clash.success && clash.stderr.contains("of job once"), "{clash:?}");
    lab.cli_ok(&["job", "modify", "--jobid=hourly", "--schedule=45 * * * *", "--length=600", "--align=slot"]);
    let changed = json(&lab.cli_ok(&["job", "get", "--jobid=hourly", "--output=json"]));
    assert_eq!((&changed[0]["schedule"], &changed[0]["length_secs"]), (&"45 * * * *".into(), &600.into()));
    assert_eq!(changed[0]["policies"]["align"], "slot");
    let nothing = lab.cli(&["job", "modify", "--jobid=hourly"]);
    assert!(!nothing.success && nothing.stderr.contains("no change to job hourly is given"), "{nothing:?}");
}

#[test]
fn a_single_run_is_moved_and_a_slip_avoids_what_is_in_the_way() {
    let lab = Lab::start("process");
    let once = ["--length=600", "--end-date=2099-12-01T12:00:00"];
    lab.cli_ok(&words(&booking(&lab, "schedule", "first", &once)));
    let slipping = [&once[..], &["--slip=900"]].concat();
    let moved = lab.cli(&words(&booking(&lab, "schedule", "second", &slipping)));
    assert!(
        moved.success && moved.stderr.contains("warning: all starts were moved 600 s later"),
        "{moved:?}"
    );
    let to = lab.cli(&["job", "reschedule", "--jobid=first", "--after=2099-12-01T10:05:00"]);
    assert!(to.stderr.contains("job first runs in [2099-12-01T10:20:00, 2099-12-01T10:30:00)"), "{to:?}");
    let again = lab.cli(&["job", "reschedule", "--jobid=first", "--after=2099-12-01T10:05:00"]);
    assert_eq!(again.stderr, to.stderr, "doing it again changes nothing");
    let nowhere = lab.cli(&["job", "reschedule", "--jobid=first", "--after=2099-12-01T11:55:00"]);
    assert!(!nowhere.success && nowhere.stderr.starts_with("error: no free slot of 600 s"), "{nowhere:?}");
}

#[test]
fn what_a_policy_cannot_be_is_told_by_its_option() {
    let lab = Lab::start("process");
    let cases = [
        ("--time-zone=Mars/Olympus", "--time-zone: \"Mars/Olympus\" is not a time zone"),
        ("--align=slot+15", "--align: 15 s is no place inside a slot"),
        ("--align=minute", "--align: \"minute\" is no alignment"),
        ("--slip=-1", "--slip: \"-1\" is not a number of seconds"),
        ("--slip=100000", "slip of 100000 s is not possible"),
        ("--overlap=maybe", "--overlap: \"maybe\" is no way to treat an overlap"),
        ("--overlap=allow", "a job that needs the link for itself cannot overlap itself"),
        ("--random-slip=1800", "job bad overlaps itself"),
    ];
    for (option, expected) in cases {
        let more = ["--schedule=*/30 * * * *", "--end-date=2099-12-02T10:00:00", "--length=60", option];
        let outcome = lab.cli(&words(&booking(&lab, "schedule", "bad", &more)));
        assert!(!outcome.success && outcome.stderr.contains(expected), "{option}: {outcome:?}");
        assert!(outcome.stderr.contains("\nhint: "), "{option}: {outcome:?}");
    }
    assert_eq!(lab.cli_ok(&["job", "get", "--quiet"]), "", "nothing was stored");
}
