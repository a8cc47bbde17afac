use crate::error::{Error, Result};

/// The longest free text in bytes: names, places, descriptions.
const MAX_TEXT_BYTES: usize = 1024;

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
