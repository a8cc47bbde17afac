//! What a command shows, without what is different every time.

use std::process::Command;
use std::sync::LazyLock;

use regex::Regex;

use crate::lab::{Lab, binary};

/// What a line in a shell did.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Lab {
    /// Runs a line in a shell as the researcher, or as the administrator, in a directory of its own.
    pub(crate) fn show(&self, line: &str, as_admin: bool) -> Shown {
        let programs = binary("leoscope").parent().expect("directory").display().to_string();
        let work = self.dir.path().join("work");
        std::fs::create_dir_all(&work).expect("directory");
        let mut command = Command::new("bash");
        command.args(["-uc", line]).current_dir(&work).env_clear();
        command.env("PATH", format!("{programs}:/usr/bin:/bin"));
        self.settings_of(&mut command, as_admin);
        command.env("HOME", &work).env("TERM", "dumb");
        let output = command.output().expect("bash");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        Shown {
            code: output.status.code().expect("an exit code"),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

/// What is different every time, and what stands for it; the more special first.
static DIFFERENT: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    let patterns = [
        (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?Z?", "<time>"),
        (r"\d{4}-\d\d-\d\d", "<date>"),
        (r"\b\d\d:\d\d(:\d\d(\.\d+)?)?\b", "<clock>"),
        (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "<uuid>"),
        (r"\b[A-Za-z0-9_-]{43}\b|\b[0-9a-f]{64}\b", "<random>"),
        (r"\b[0-9a-f]{20,40}\b|\b\d{8}T\d{6}Z-[0-9a-f]{16}\b|\b[0-9a-f]{16}-[0-9a-f]{16}\b", "<id>"),
        (r"[-−+]?\d+\.\d+(e[-+]?\d+)?", "<number>"),
        (r"\b\d+ (bytes|B|kB|ms|s|sec|min|h|hours?|minutes?|seconds?)\b", "<number> $1"),
        (r"\bjust now\b", "<number> s ago"),
        (r"localhost is \S+", "localhost is <address>"),
        (r"\bpid \d+\b", "pid <number>"),
    ];
    let compiled = patterns.iter().map(|(pattern, name)| (Regex::new(pattern).expect("pattern"), *name));
    compiled.collect()
});

static SPACES: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(\S)  +").expect("pattern"));

/// `text` without what is different every time; `named` are texts and what stands for each.
pub(crate) fn redacted(text: &str, named: &[(String, &str)]) -> String {
    let mut text = text.to_owned();
    for (what, name) in named {
        text = text.replace(what.as_str(), name);
    }
    for (pattern, name) in DIFFERENT.iter() {
        text = pattern.replace_all(&text, *name).into_owned();
    }
    // The width of a column is that of what stood in it.
    text.lines().map(|line| SPACES.replace_all(line, "$1  ").trim_end().to_owned() + "\n").collect()
}
