//! What programs log.

use leoscope_core::{Error, Result};

/// Libraries that see whole calls. In detail they would log what is sent, with the credentials in it,
/// and whole images.
const NOISY: [&str; 10] = [
    "bollard",
    "h2",
    "hyper",
    "hyper_rustls",
    "hyper_util",
    "mongodb",
    "rustls",
    "tonic",
    "tower",
    "tower_http",
];

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// The directives of a log filter that a user has given as `text` (`info`, or by module:
/// `info,leoscope_core=debug`). Libraries that see whole calls log nothing below `info`.
///
/// # Errors
/// [`InvalidArgument`](leoscope_core::ErrorKind::InvalidArgument) for a word that is no level.
pub fn log_filter(text: &str) -> Result<String> {
    let mut directives: Vec<String> = Vec::new();
    for directive in text.split(',').map(str::trim).filter(|directive| !directive.is_empty()) {
        if !directive.contains('=') && !LEVELS.contains(&directive.to_ascii_lowercase().as_str()) {
            return Err(Error::invalid(format!("{directive:?} is not a level of logging"))
                .hint("give error, warn, info, debug or trace, or by module: info,leoscope_core=debug"));
        }
        let target = directive.split(['=', '[', ':']).next().unwrap_or_default();
        if !(directive.contains('=') && NOISY.contains(&target)) {
            directives.push(directive.to_owned());
        }
    }
    directives.extend(NOISY.iter().map(|library| format!("{library}=info")));
    Ok(directives.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_library_that_sees_whole_calls_can_be_made_to_log_them() {
        let filter = log_filter("trace,h2::codec=trace,leoscope_core=debug,mongodb=trace,hyper[span]=trace");
        let filter = filter.expect("filter");
        assert!(filter.starts_with("trace,leoscope_core=debug,bollard=info,h2=info,"), "{filter}");
        assert_eq!(filter.matches("trace").count(), 1, "{filter}");
        assert_eq!(filter.matches("mongodb").count(), 1, "{filter}");
        for bad in ["inof", "info,leoscope_core"] {
            log_filter(bad).expect_err(bad);
        }
    }
}
