//! The forms that programs read, and the choice of fields.

use std::borrow::Cow;

use leoscope_core::Error;
use serde_json::{Map, Value};

use crate::cli::Format;

/// `value` in the form asked for; tables are for what has columns, so JSON stands in for them.
pub(super) fn encode(format: Format, value: &Value) -> String {
    match (format, value) {
        (Format::Json | Format::Table, _) => format!("{value:#}\n"),
        (Format::Jsonl, Value::Array(values)) => values.iter().map(|value| format!("{value}\n")).collect(),
        (Format::Jsonl, value) => format!("{value}\n"),
        (Format::Csv, value) => csv(value),
        // All keys of ours are text, and all values are plain.
        (Format::Yaml, value) => serde_saphyr::to_string(value).unwrap_or_else(|_| format!("{value:#}\n")),
    }
}

/// The columns of a list of objects: their keys, in the order in which they come.
pub(super) fn columns(values: &[Value]) -> Vec<&str> {
    let mut columns: Vec<&str> = Vec::new();
    for key in values.iter().filter_map(Value::as_object).flat_map(Map::keys) {
        if !columns.contains(&key.as_str()) {
            columns.push(key);
        }
    }
    columns
}

/// The text of a value in a cell: nothing for null, JSON for what has parts.
pub(super) fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    }
}

fn csv(value: &Value) -> String {
    let values = match value {
        Value::Array(values) => values.as_slice(),
        value => std::slice::from_ref(value),
    };
    let columns = columns(values);
    let mut writer = csv::Writer::from_writer(Vec::new());
    // Writing into memory does not fail.
    if !columns.is_empty() {
        let _ = writer.write_record(&columns);
        for value in values {
            let _ = writer.write_record(columns.iter().map(|column| cell(value.get(column))));
        }
    }
    writer.into_inner().map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

/// `value` with these fields alone, each a key or a path with dots; all of it where none is named.
///
/// # Errors
/// [`InvalidArgument`](leoscope_core::ErrorKind::InvalidArgument) for a field that nothing in it has.
pub(super) fn select<'a>(value: &'a Value, fields: &[String]) -> Result<Cow<'a, Value>, Error> {
    if fields.is_empty() {
        return Ok(Cow::Borrowed(value));
    }
    let values = match value {
        Value::Array(values) => values.as_slice(),
        value => std::slice::from_ref(value),
    };
    let unknown =
        fields.iter().find(|field| !values.is_empty() && values.iter().all(|v| at(v, field).is_none()));
    if let Some(field) = unknown {
        return Err(Error::invalid(format!("there is no field {field:?} here"))
            .hint(format!("fields are: {}", columns(values).join(", "))));
    }
    Ok(Cow::Owned(match value {
        Value::Array(values) => values.iter().map(|value| chosen(value, fields).into_owned()).collect(),
        value => chosen(value, fields).into_owned(),
    }))
}

/// An object with these fields alone, null for those that it does not have; all of it where none is named.
pub(super) fn chosen<'a>(value: &'a Value, fields: &[String]) -> Cow<'a, Value> {
    if fields.is_empty() {
        return Cow::Borrowed(value);
    }
    let field = |field: &String| (field.clone(), at(value, field).cloned().unwrap_or_default());
    Cow::Owned(fields.iter().map(field).collect())
}

/// What lies at a path with dots; null below null.
fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    let below = |value: &'a Value, key| if value.is_null() { Some(value) } else { value.get(key) };
    path.split('.').try_fold(value, below)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn list() -> Value {
        json!([
            { "id": "a", "size": 1.5, "tags": ["x", "y"], "note": null },
            { "id": "b, \"c\"", "size": 2, "more": { "deep": true } },
        ])
    }

    #[test]
    fn every_form_has_all_of_it() {
        insta::assert_snapshot!(encode(Format::Jsonl, &list()), @r#"
        {"id":"a","size":1.5,"tags":["x","y"],"note":null}
        {"id":"b, \"c\"","size":2,"more":{"deep":true}}
        "#);
        insta::assert_snapshot!(encode(Format::Csv, &list()), @r#"
        id,size,tags,note,more
        a,1.5,"[""x"",""y""]",,
        "b, ""c""",2,,,"{""deep"":true}"
        "#);
        insta::assert_snapshot!(encode(Format::Yaml, &list()), @r#"
        - id: a
          size: 1.5
          tags:
          - x
          - "y"
          note: null
        - id: b, "c"
          size: 2
          more:
            deep: true
        "#);
        let back: Value = serde_json::from_str(&encode(Format::Json, &list())).expect("JSON");
        assert_eq!(back, list());
        let back: Value = serde_saphyr::from_str(&encode(Format::Yaml, &list())).expect("YAML");
        assert_eq!(back, list());
    }

    #[test]
    fn an_object_is_one_row_and_an_empty_list_is_none() {
        assert_eq!(encode(Format::Csv, &json!({ "id": "a", "n": 1 })), "id,n\na,1\n");
        assert_eq!(encode(Format::Csv, &json!([])), "");
        assert_eq!(encode(Format::Jsonl, &json!([])), "");
        assert_eq!(encode(Format::Jsonl, &json!({ "id": "a" })), "{\"id\":\"a\"}\n");
        assert_eq!(encode(Format::Yaml, &json!([])).trim(), "[]");
    }

    #[test]
    fn fields_are_chosen_in_their_order_also_below() {
        let fields = ["more.deep".to_owned(), "id".to_owned()];
        let list = list();
        let chosen = select(&list, &fields).expect("fields").into_owned();
        let expected = json!([{ "more.deep": null, "id": "a" }, { "more.deep": true, "id": "b, \"c\"" }]);
        assert_eq!(chosen, expected);
        let error = select(&list, &["nmae".to_owned()]).expect_err("no field");
        assert_eq!(error.message(), "there is no field \"nmae\" here");
        assert_eq!(error.what_to_do(), Some("fields are: id, size, tags, note, more"));
        assert_eq!(select(&json!([]), &["nmae".to_owned()]).expect("nothing").into_owned(), json!([]));
    }
}
