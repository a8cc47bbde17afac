//! The command line as it was typed, to be offered again with a change.

use std::ffi::OsString;

use super::Output;

/// What is not shown again: it is secret, or would be in the way.
const LEFT_OUT: [&str; 3] = ["access-token", "jwt-access-token", "watch"];

/// Other names of options that may be changed.
const ALIASES: [(&str, &str); 2] = [("start", "start-date"), ("end", "end-date")];

/// Options that say on which nodes, all of them instead of `--nodeid`.
const NODES: [&str; 3] = ["where", "all-active", "atomic"];

/// A command line, the program's name first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Typed(Vec<String>);

impl Typed {
    pub(crate) fn new(args: &[OsString]) -> Self {
        Self(args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect())
    }

    /// Whether an option is there, by any of its names.
    fn has(&self, option: &str) -> bool {
        let mut words = self.0.iter().filter_map(|word| word.strip_prefix("--"));
        words.any(|word| {
            let name = word.split('=').next().unwrap_or_default();
            name == option || ALIASES.contains(&(name, option))
        })
    }

    /// The same with other values of some options, ready for a shell; nothing where nothing was typed.
    fn with(&self, changes: &[(&str, String)]) -> Option<String> {
        let mut words = self.0.iter().skip(1);
        let mut line = vec!["leoscope".to_owned()];
        let is_changed = |option: &str| changes.iter().any(|(changed, _)| *changed == option);
        let is_left_out = |option: &str| {
            let alias = ALIASES.iter().find(|(alias, _)| *alias == option);
            LEFT_OUT.contains(&option)
                || is_changed(alias.map_or(option, |(_, option)| option))
                || (NODES.contains(&option) && is_changed("nodeid"))
        };
        while let Some(word) = words.next() {
            match word.strip_prefix("--").map(|rest| rest.split_once('=').unwrap_or((rest, ""))) {
                Some((option, _)) if is_left_out(option) => {
                    // All others of these take a value.
                    if !word.contains('=') && !["watch", "all-active", "atomic"].contains(&option) {
                        words.next();
                    }
                }
                _ => line.push(quoted(word)),
            }
        }
        line.extend(changes.iter().map(|(option, value)| quoted(&format!("--{option}={value}"))));
        (!self.0.is_empty()).then(|| line.join(" "))
    }
}

/// `word` as a shell reads it again.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    let quote = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
    match word.strip_prefix("--").and_then(|rest| rest.split_once('=')) {
        Some((option, value)) if option.chars().all(is_plain) => format!("--{option}={}", quote(value)),
        _ => quote(word),
    }
}

impl Output {
    /// Whether an option was typed.
    pub(crate) fn is_typed(&self, option: &str) -> bool {
        self.typed.has(option)
    }

    /// Offers the command as it was typed, with other values of some options.
    pub(crate) fn offer(&self, changes: &[(&str, String)]) {
        if let Some(line) = self.typed.with(changes) {
            self.message(format_args!("try: {line}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_offered_again_without_its_secrets_and_fit_for_a_shell() {
        let line = [
            "/usr/bin/leoscope",
            "--access-token",
            "s3cret",
            "--jwt-access-token=s3cret",
            "job",
            "schedule",
            "--schedule=*/5 * * * *",
            "--start",
            "2026-12-01T00:00:00",
            "--trigger=dish.latency < 40 & \"it's\" == 'x'",
            "--nodeid=n",
            "--watch",
        ];
        let typed = Typed::new(&line.map(OsString::from));
        let offered = typed
            .with(&[("schedule", "2-59/5 * * * *".into()), ("start-date", "2026-12-01T01:00:00".into())]);
        insta::assert_snapshot!(offered.expect("line"), @r#"leoscope job schedule --trigger='dish.latency < 40 & "it'\''s" == '\''x'\''' --nodeid=n --schedule='2-59/5 * * * *' --start-date=2026-12-01T01:00:00"#);
        assert!(typed.has("start-date") && typed.has("schedule") && !typed.has("end-date"));
        assert_eq!(Typed::default().with(&[]), None);
    }
}
