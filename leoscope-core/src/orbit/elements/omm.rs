//! Orbit Mean-elements Messages (CCSDS 502.0-B-3), as JSON and CSV.

use serde_json::Value;

use super::Records;

pub(super) fn json(text: &str, records: &mut Records) -> Result<(), String> {
    let value: Value =
        serde_json::from_str(text).map_err(|error| format!("as JSON it is broken: {error}"))?;
    let values = match value {
        Value::Array(values) => values,
        other => vec![other],
    };
    for (place, value) in values.into_iter().enumerate() {
        match serde_json::from_value(value) {
            Ok(elements) => records.read.push(elements),
            Err(error) => records.skip(place + 1, error.to_string()),
        }
    }
    Ok(())
}

pub(super) fn csv(text: &str, records: &mut Records) {
    let mut reader =
        csv::ReaderBuilder::new().flexible(false).trim(csv::Trim::All).from_reader(text.as_bytes());
    for (place, record) in reader.deserialize().enumerate() {
        match record {
            Ok(elements) => records.read.push(elements),
            // The head is the first line.
            Err(error) => records.skip(place + 2, error.to_string()),
        }
    }
}
