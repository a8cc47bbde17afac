use jiff::ToSpan;
use jiff::civil::{Date, date};

use super::*;

fn message(text: &str) -> String {
    CronExpr::parse(text).expect_err(text).message().to_owned()
}

fn cron(text: &str) -> CronExpr {
    CronExpr::parse(text).expect(text)
}

#[test]
fn errors_name_the_field_and_the_part() {
    let cases = [
        ("* * * *", "cron expression \"* * * *\" has 4 fields, 5 are needed"),
        ("* * * * * *", "cron expression \"* * * * * *\" has 6 fields, 5 are needed"),
        ("0 0 0 1 1 ? 2026", "cron expression \"0 0 0 1 1 ? 2026\" has 7 fields, 5 are needed"),
        ("", "cron expression \"\" has 0 fields, 5 are needed"),
        ("60 * * * *", "cron expression \"60 * * * *\": minute 60 is out of range 0 to 59"),
        ("* 24 * * *", "cron expression \"* 24 * * *\": hour 24 is out of range 0 to 23"),
        ("* * 0 * *", "cron expression \"* * 0 * *\": day of month 0 is out of range 1 to 31"),
        ("* * * 13 *", "cron expression \"* * * 13 *\": month 13 is out of range 1 to 12"),
        ("* * * * 8", "cron expression \"* * * * 8\": day of week 8 is out of range 0 to 7"),
        ("1,,2 * * * *", "cron expression \"1,,2 * * * *\": minute \"\" is not a number"),
        ("*/0 * * * *", "cron expression \"*/0 * * * *\": minute \"*/0\" needs a step from 1 to 60"),
        ("*/90 * * * *", "cron expression \"*/90 * * * *\": minute \"*/90\" needs a step from 1 to 60"),
        ("* * * foo *", "cron expression \"* * * foo *\": month \"foo\" is not a number"),
        ("-1 * * * *", "cron expression \"-1 * * * *\": minute \"\" is not a number"),
        ("? * * * *", "cron expression \"? * * * *\": minute \"?\" is not a number"),
        ("L * * * *", "cron expression \"L * * * *\": minute \"L\" is not a number"),
        (
            "0 0 * * 5#6",
            "cron expression \"0 0 * * 5#6\": day of week \"5#6\" needs a number from 1 to 5 after '#'",
        ),
        ("@reboot", "cron expression \"@reboot\": unknown name \"@reboot\""),
    ];
    for (text, expected) in cases {
        assert_eq!(message(text), expected);
    }
}

#[test]
fn names_steps_lists_wrapping_ranges_and_both_sundays_give_the_same_sets() {
    let same = [
        ("*/15 * * * *", "0,15,30,45 * * * *"),
        ("5/15 * * * *", "5,20,35,50 * * * *"),
        ("50-10/7 * * * *", "50,57,4 * * * *"),
        ("0 22-2 * * *", "0 22,23,0,1,2 * * *"),
        ("0 */24 * * *", "0 0 * * *"),
        ("0 0 * jan-mar Mon", "0 0 * 1-3 1"),
        ("0 0 * nov-feb *", "0 0 * 11,12,1,2 *"),
        ("0 0 28-3 * *", "0 0 28,29,30,31,1,2,3 * *"),
        ("0 0 * * 7", "0 0 * * 0"),
        ("0 0 * * fri-sun", "0 0 * * 5,6,0"),
        ("0 0 * * 5-7", "0 0 * * 5,6,0"),
        ("0 0 * * 7-2", "0 0 * * 0,1,2"),
        ("0 0 * * 0-7", "0 0 * * 0-6"),
        ("0 0 * * 3/2", "0 0 * * 3,5"),
        ("0 0 ? * mon", "0 0 * * 1"),
        ("@daily", "0 0 * * *"),
        ("0 0 * * */2", "0 0 * * 0,2,4,6"),
        ("0 0 * * fri#2", "0 0 * * 5#2"),
    ];
    for (a, b) in same {
        let sets = |c: &CronExpr| (c.minutes, c.hours, c.days);
        assert_eq!(sets(&cron(a)), sets(&cron(b)), "{a} and {b}");
    }
}

fn days(text: &str, from: Date, to: Date) -> Vec<String> {
    let epoch = date(1970, 1, 1);
    let day = |date: Date| i64::from(date.since(epoch).expect("span").get_days());
    let (mut at, last, rule) = (day(from), day(to) - 1, cron(text).days());
    std::iter::from_fn(|| {
        let found = rule.next(at, last)?;
        at = found + 1;
        Some((epoch + found.days()).to_string())
    })
    .collect()
}

#[test]
fn either_day_field_is_enough_when_both_are_restricted() {
    let (from, to) = (date(2026, 11, 1), date(2026, 12, 1));
    // 2026-11-13 is a Friday.
    assert_eq!(
        days("0 0 14 * 5", from, to),
        ["2026-11-06", "2026-11-13", "2026-11-14", "2026-11-20", "2026-11-27"]
    );
    assert_eq!(days("0 0 14 * *", from, to), ["2026-11-14"]);
    // A list that holds `*` restricts nothing; a range over all values is a restriction.
    assert_eq!(days("0 0 14 * 1,*", from, to), ["2026-11-14"]);
    assert_eq!(days("0 0 14 * 0-6", from, to).len(), 30);
}

#[test]
fn last_days_and_numbered_weekdays() {
    let (from, to) = (date(2028, 1, 1), date(2028, 4, 1));
    assert_eq!(days("0 0 L * *", from, to), ["2028-01-31", "2028-02-29", "2028-03-31"]);
    assert_eq!(days("0 0 * * L5", from, to), ["2028-01-28", "2028-02-25", "2028-03-31"]);
    assert_eq!(days("0 0 * * tue#5", from, to), ["2028-02-29"]);
    assert_eq!(days("0 0 30 2 *", from, date(2099, 1, 1)), [""; 0]);
}

#[test]
fn a_shifted_expression_is_written_as_people_write_it() {
    let cases = [
        ("0 10 * * *", 30, Some("30 10 * * *")),
        ("0 10 * * *", -15, Some("45 9 * * *")),
        ("30 23 * * *", 45, Some("15 0 * * *")),
        ("30 23 * * 1", 45, None),
        ("*/15 * * * *", 5, Some("5-50/15 * * * *")),
        ("0,30 8-18 * * 1-5", 10, Some("10,40 8-18 * * 1-5")),
        ("0,30 8-18 * * 1-5", 40, None),
        ("0 */2 1 * *", 60, Some("0 1-23/2 1 * *")),
        ("@daily", 90, Some("30 1 * * *")),
        ("50 * * * *", 20, Some("10 * * * *")),
    ];
    for (text, minutes, expected) in cases {
        let shifted = cron(text).shifted(minutes).map(|cron| cron.to_string());
        assert_eq!(shifted.as_deref(), expected, "{text} by {minutes}");
    }
}
