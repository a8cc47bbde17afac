//! The manual tells the truth.

use super::super::*;

const MANUAL: &str = include_str!("../../../../docs/triggers.md");

/// The blocks of the manual behind "```" and `kind`.
fn blocks(kind: &str) -> Vec<&'static str> {
    let start = format!("```{kind}\n");
    MANUAL.split(start.as_str()).skip(1).filter_map(|rest| rest.split("\n```").next()).collect()
}

#[test]
fn the_examples_are_conditions() {
    let examples: Vec<_> = blocks("trigger").into_iter().flat_map(str::lines).collect();
    assert!(examples.len() > 10);
    for example in examples {
        Trigger::parse(example).unwrap_or_else(|mistakes| panic!("{}", mistakes.render()));
    }
}

#[test]
fn the_mistakes_are_those_that_are_shown() {
    let shown = blocks("").into_iter().find(|block| block.starts_with("dish.latancy")).expect("a block");
    let shown = shown.trim_end();
    let text = shown.lines().next().expect("a line");
    assert_eq!(Trigger::parse(text).expect_err(text).render(), shown);
    assert!(MANUAL.contains(&format!("leoscope trigger check '{text}'")));
}

#[test]
fn the_tables_of_names_are_those_of_the_code() {
    let seconds = |secs: u32| match secs {
        secs if secs % 3_600 == 0 => format!("{} h", secs / 3_600),
        secs if secs % 60 == 0 => format!("{} min", secs / 60),
        secs => format!("{secs} s"),
    };
    let fields = Field::all().map(|field| {
        let FieldInfo { name, kind, unit, source, stale_after_s, ahead, meaning } = field.info();
        let is = match kind {
            Kind::Number if unit.is_empty() => "number",
            Kind::Number => unit,
            Kind::Flag => "yes or no",
            Kind::Text => "text",
        };
        let ahead = match ahead {
            Ahead::Exact => "exactly",
            Ahead::Hourly => "by the hour",
            Ahead::No => "no",
        };
        format!("| `{name}` | {is} | {source} | {} | {ahead} | {meaning} |", seconds(*stale_after_s))
    });
    let aliases = Alias::all().map(|Alias { name, field, conversion }| {
        let unit = conversion.map_or("", |by| by.unit);
        format!("| `{name}` | `{field}` | {unit} |")
    });
    let head = "| field | is | monitor | counts for | ahead | meaning |\n|---|---|---|---|---|---|\n";
    let table = head.to_owned() + &fields.collect::<Vec<_>>().join("\n");
    assert!(MANUAL.contains(&table), "docs/triggers.md must have this table:\n{table}");
    let head = "| name | field | its own unit |\n|---|---|---|\n";
    let table = head.to_owned() + &aliases.collect::<Vec<_>>().join("\n");
    assert!(MANUAL.contains(&table), "docs/triggers.md must have this table:\n{table}");
}
