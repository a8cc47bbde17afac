//! Texts for people, and the cells they are made of.

use std::fmt::Display;

use comfy_table::{ContentArrangement, Table, presets};
use leoscope_core::Error;
use leoscope_core::conflict::Conflict;
use leoscope_core::time::{Timestamp, wire_time};
use serde_json::{Value, json};

/// What was wrong, what to do, and the jobs in the way, a line each.
pub(super) fn error_text(error: &Error) -> String {
    let mut text = format!("error: {}\n", clean(error.message()));
    if let Some(hint) = error.what_to_do() {
        text += &format!("hint: {}\n", clean(hint));
    }
    for conflict in error.conflicts() {
        let Conflict { job, owner, node, wanted, taken, clashing } = conflict;
        let runs = if *clashing > 1 { format!(" ({clashing} runs clash)") } else { String::new() };
        text +=
            &format!("conflict: job {job} of {owner} holds {node} for {taken}, wanted for {wanted}{runs}\n");
    }
    text
}

/// `text` on one line and without what would steer a terminal: part of it may come from elsewhere.
pub(super) fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

pub(super) fn with_id(id: &str, more: Value) -> Value {
    let mut object = json!({ "id": id });
    if let (Value::Object(object), Value::Object(more)) = (&mut object, more) {
        object.extend(more);
    }
    object
}

pub(super) fn snake_case(head: &str) -> String {
    let words = head.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("_")
}

pub(super) fn grid(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    // Long lines are the terminal's to wrap: a cut id would be no id.
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header);
    for row in rows {
        table.add_row(row.iter().map(|cell| clean(cell)));
    }
    table.lines().map(|line| format!("{}\n", line.trim())).collect()
}

pub(super) fn utc(time: Timestamp) -> String {
    wire_time(time)
}

/// The cell of something that may be missing.
pub(super) fn or_dash<T: Display>(value: Option<T>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// The cell of a text that may be empty.
pub(super) fn text_or_dash(text: &str) -> String {
    or_dash((!text.is_empty()).then_some(text))
}

/// A view of ours as JSON; their keys are text, so this cannot fail.
pub(super) fn to_json(view: impl serde::Serialize) -> Value {
    serde_json::to_value(view).unwrap_or(Value::Null)
}
