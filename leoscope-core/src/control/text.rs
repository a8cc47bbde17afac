use crate::error::{Error, Result};

/// The longest free text in bytes: names, places, descriptions.
const MAX_TEXT_BYTES: usize = 1024;

/// The longest JSON that is kept for others, in bytes.
/// Lists of nodes carry it, and clients take four megabytes at most.
const MAX_JSON_BYTES: usize = 4 << 10;

/// Checks JSON that is kept as it is.
///
/// # Errors
/// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) naming the field.
pub(super) fn check_json(field: &str, text: &str) -> Result<()> {
    if text.len() > MAX_JSON_BYTES {
        let length = text.len();
        return Err(Error::invalid(format!(
            "{field} is {length} bytes long, at most {MAX_JSON_BYTES} are allowed"
        )));
    }
    serde_json::from_str::<serde::de::IgnoredAny>(text)
        .map(drop)
        .map_err(|e| Error::invalid(format!("{field} is not JSON: {e}")))
}

/// A text for people, made to fit on one line of bounded length: programs send what an exception
/// says, and that is worth more than its form.
pub(super) fn one_line(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let line = line.trim();
    match (0..=MAX_TEXT_BYTES - '…'.len_utf8()).rev().find(|at| line.is_char_boundary(*at)) {
        Some(end) if line.len() > MAX_TEXT_BYTES => format!("{}…", &line[..end]),
        _ => line.to_owned(),
    }
}

/// Checks a free text that is stored and shown to others: one line, of bounded length.
///
/// # Errors
/// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) naming the field.
pub(super) fn check_text(field: &str, text: &str) -> Result<()> {
    let hint = "use one line of plain text";
    if text.len() > MAX_TEXT_BYTES {
        let length = text.len();
        return Err(Error::invalid(format!(
            "{field} is {length} bytes long, at most {MAX_TEXT_BYTES} are allowed"
        ))
        .hint(hint));
    }
    match text.chars().find(|c| c.is_control()) {
        Some(bad) => Err(Error::invalid(format!("{field} {text:?} contains {bad:?}")).hint(hint)),
        None => Ok(()),
    }
}
