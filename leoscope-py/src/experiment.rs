//! Experiment configs on their way between Python's dictionaries (as JSON) and YAML. What they may
//! say is the core's to judge.

use leoscope_core::Error;
use leoscope_core::model::{ExperimentConfig, redacted};
use pyo3::prelude::*;
use serde_json::Value;

use crate::error::exception;

/// The config `json_text` as YAML that the testbed takes.
#[pyfunction]
pub(crate) fn experiment_to_yaml(py: Python<'_>, json_text: &str) -> PyResult<String> {
    let checked = || {
        let text = written(&value(json_text)?);
        ExperimentConfig::parse(&text)?;
        Ok(text)
    };
    py.detach(checked).map_err(|error: Error| exception(py, &error))
}

/// The config `text` (YAML), which the testbed takes, as JSON.
#[pyfunction]
pub(crate) fn experiment_from_yaml(py: Python<'_>, text: &str) -> PyResult<String> {
    let checked = || {
        ExperimentConfig::parse(text)?;
        // It can fail where no key of the testbed is at fault. What the reader says may quote the text, and so
        // the key of a store.
        let value: Value = serde_saphyr::from_str(text).map_err(|_| {
            Error::invalid("experiment config has something that JSON has not")
                .hint("use text, numbers, lists and maps, with text as the keys of maps")
        })?;
        Ok(value.to_string())
    };
    py.detach(checked).map_err(|error: Error| exception(py, &error))
}

/// The config `json_text`, checked or not, without the connection strings in it: as YAML and as JSON.
#[pyfunction]
pub(crate) fn experiment_shown(py: Python<'_>, json_text: &str) -> PyResult<(String, String)> {
    let shown = || {
        let text = redacted(&written(&value(json_text)?));
        // What cannot be shown is a comment, which reads as null.
        let value: Value = serde_saphyr::from_str(&text).unwrap_or_default();
        Ok((text, value.to_string()))
    };
    py.detach(shown).map_err(|error: Error| exception(py, &error))
}

fn value(json_text: &str) -> Result<Value, Error> {
    serde_json::from_str(json_text)
        .map_err(|e| Error::invalid(format!("experiment config cannot be written as YAML: {e}")))
}

/// `value` as YAML: lines of text stay lines, and one line stays one. It reads as the same value, by readers of
/// YAML 1.1 as well.
fn written(value: &Value) -> String {
    let options = serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX };
    let text = serde_saphyr::to_string_with_options(value, options).ok();
    let same = |text: &String| serde_saphyr::from_str::<Value>(text).is_ok_and(|read| read == *value);
    // JSON is YAML as well.
    text.filter(same).unwrap_or_else(|| format!("{value:#}\n"))
}
