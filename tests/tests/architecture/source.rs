//! Rust sources as tokens and paths: enough to see who names whom, without a compiler.

use std::fs;
use std::path::{Path, PathBuf};

/// The packages of the workspace whose sources are read.
pub(crate) const PACKAGES: [&str; 9] = [
    "leoscope-core",
    "leoscope-cli",
    "leoscope-orchestrator",
    "leoscope-node",
    "leoscope-py",
    "leoscope-settings",
    "leoscope-testbed",
    "examples",
    "tests",
];

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A name, `::`, or any other single character, with its line.
#[derive(Debug, Clone, PartialEq)]
struct Token {
    text: String,
    line: usize,
}

/// A path as written, groups of `use` taken apart: `use a::{b, c::D}` is `a::b` and `a::c::D`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Named {
    pub(crate) segments: Vec<String>,
    pub(crate) line: usize,
}

impl Named {
    /// Whether `part` (`fs` or `env::var`) occurs in the path as whole segments.
    pub(crate) fn contains(&self, part: &str) -> bool {
        let part: Vec<&str> = part.split("::").collect();
        self.segments.windows(part.len()).any(|window| window == part)
    }

    pub(crate) fn first(&self) -> &str {
        self.segments.first().map_or("", String::as_str)
    }
}

/// A source file without its comments, texts and `#[cfg(test)]` items.
#[derive(Debug)]
pub(crate) struct Source {
    /// The package it belongs to.
    pub(crate) package: String,
    /// Its path in the package, for example `src/ports/clock.rs`.
    pub(crate) file: String,
    /// Its length, comments and tests included.
    pub(crate) lines: usize,
    tokens: Vec<Token>,
}

impl Source {
    pub(crate) fn new(package: &str, file: &str, text: &str) -> Self {
        let tokens = without_tests(&tokenize(text));
        Self { package: package.into(), file: file.into(), lines: text.lines().count(), tokens }
    }

    /// All sources of the workspace but generated ones and the modules of unit tests.
    pub(crate) fn load_all() -> Vec<Self> {
        let mut all = Vec::new();
        for package in PACKAGES {
            let dir = root().join(package);
            let mut files = Vec::new();
            for part in ["src", "examples", "tests", "benches"] {
                collect(&dir.join(part), &mut files);
            }
            files.extend(Some(dir.join("build.rs")).filter(|file| file.exists()));
            files.sort();
            for path in files {
                let file = path.strip_prefix(&dir).expect("inside").display().to_string();
                let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
                all.push(Self::new(package, &file, &text));
            }
        }
        assert!(all.len() > 50, "found only {} sources: the scanner looks in the wrong place", all.len());
        all
    }

    /// Whether it holds nothing but tests.
    pub(crate) fn is_test(&self) -> bool {
        let path = Path::new(&self.file);
        self.package == "tests"
            || path.file_stem().is_some_and(|stem| stem == "tests")
            || path.components().any(|part| part.as_os_str() == "tests")
    }

    /// Its module path in the crate: `["ports", "clock"]`; empty for the root.
    pub(crate) fn module(&self) -> Vec<&str> {
        let path = self.file.strip_prefix("src/").unwrap_or(&self.file);
        let path = path.strip_suffix(".rs").unwrap_or(path);
        path.split('/').filter(|part| !matches!(*part, "mod" | "lib" | "main")).collect()
    }

    /// `leoscope-core/src/ports/clock.rs:7`.
    pub(crate) fn at(&self, line: usize) -> String {
        format!("{}/{}:{line}", self.package, self.file)
    }

    /// The lines on which the word stands by itself, keywords included.
    pub(crate) fn lines_with(&self, word: &str) -> Vec<usize> {
        self.tokens.iter().filter(|token| token.text == word).map(|token| token.line).collect()
    }

    /// All paths of the file, as written.
    pub(crate) fn paths(&self) -> Vec<Named> {
        let mut found = Vec::new();
        let mut at = 0;
        while at < self.tokens.len() {
            if is_name(&self.tokens[at].text) {
                at = read_path(&self.tokens, at, &[], &mut found);
            } else {
                at += 1;
            }
        }
        found
    }

    /// The paths that lead into this crate, from its root: `super::Service` in `control::jobs` is
    /// `control::Service`.
    pub(crate) fn own_paths(&self) -> Vec<Named> {
        self.paths().into_iter().filter_map(|path| self.resolve(path)).collect()
    }

    fn resolve(&self, path: Named) -> Option<Named> {
        let Named { segments, line } = path;
        let mut base: Vec<String> = match segments.first()?.as_str() {
            "crate" => Vec::new(),
            "self" | "super" => self.module().into_iter().map(str::to_owned).collect(),
            _ => return None,
        };
        for segment in segments {
            match segment.as_str() {
                "crate" | "self" => {}
                "super" => drop(base.pop()),
                _ => base.push(segment),
            }
        }
        Some(Named { segments: base, line })
    }
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Reads the path that begins at `at` into `found` and gives the position after it.
fn read_path(tokens: &[Token], mut at: usize, prefix: &[String], found: &mut Vec<Named>) -> usize {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    let line = tokens[at].line;
    let mut segments = prefix.to_vec();
    segments.push(text(at).to_owned());
    at += 1;
    while text(at) == "::" {
        if is_name(text(at + 1)) {
            segments.push(text(at + 1).to_owned());
            at += 2;
        } else if text(at + 1) == "{" {
            at += 2;
            while at < tokens.len() && text(at) != "}" {
                if is_name(text(at)) {
                    at = read_path(tokens, at, &segments, found);
                } else {
                    at += 1;
                }
            }
            return at + 1;
        } else {
            break;
        }
    }
    found.push(Named { segments, line });
    at
}

/// Splits into tokens; comments and the contents of texts are left out.
fn tokenize(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let (mut at, mut line) = (0, 1);
    let mut tokens = Vec::new();
    let starts = |at: usize, what: &str| what.chars().enumerate().all(|(i, c)| chars.get(at + i) == Some(&c));
    while at < chars.len() {
        let from = at;
        if starts(at, "//") {
            at += chars[at..].iter().position(|c| *c == '\n').unwrap_or(chars.len() - at);
        } else if starts(at, "/*") {
            at = after_comment(&chars, at);
        } else if let Some(end) = after_text(&chars, at) {
            at = end;
        } else if chars[at].is_alphanumeric() || chars[at] == '_' {
            while at < chars.len() && (chars[at].is_alphanumeric() || chars[at] == '_') {
                at += 1;
            }
            tokens.push(Token { text: chars[from..at].iter().collect(), line });
        } else if starts(at, "::") {
            at += 2;
            tokens.push(Token { text: "::".into(), line });
        } else {
            at += 1;
            if !chars[from].is_whitespace() {
                tokens.push(Token { text: chars[from].to_string(), line });
            }
        }
        line += chars[from..at].iter().filter(|c| **c == '\n').count();
    }
    tokens
}

fn after_comment(chars: &[char], mut at: usize) -> usize {
    let mut depth = 0;
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// The position after the string or character literal that begins at `at`, if one does.
fn after_text(chars: &[char], at: usize) -> Option<usize> {
    let mut start = at;
    while matches!(chars.get(start), Some('b' | 'c' | 'r')) && start < at + 2 {
        start += 1;
    }
    let raw = chars[at..start].contains(&'r');
    let hashes = if raw { chars[start..].iter().take_while(|c| **c == '#').count() } else { 0 };
    let mut end = start + hashes;
    if chars.get(end) == Some(&'"') {
        end += 1;
        while end < chars.len() {
            if !raw && chars[end] == '\\' {
                end += 2;
            } else if chars[end] == '"'
                && chars[end + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes
            {
                return Some(end + 1 + hashes);
            } else {
                end += 1;
            }
        }
        return Some(chars.len());
    }
    // 'x' and '\n' are characters, 'a is a lifetime.
    if raw || chars.get(start) != Some(&'\'') {
        return None;
    }
    match (chars.get(start + 1)?, chars.get(start + 2)?) {
        ('\\', _) => {
            let rest = chars.get(start + 3..)?;
            Some(start + 4 + rest.iter().position(|c| *c == '\'')?)
        }
        (_, '\'') => Some(start + 3),
        _ => None,
    }
}

/// Leaves out what stands under `#[cfg(test)]`.
fn without_tests(tokens: &[Token]) -> Vec<Token> {
    const MARK: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let rest = &tokens[at..];
        if rest.len() >= MARK.len() && rest.iter().zip(MARK).all(|(token, mark)| token.text == mark) {
            at = after_item(tokens, at + MARK.len());
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}

/// The position after the item that begins at `at`: after its `;`, or its body's `}`.
fn after_item(tokens: &[Token], mut at: usize) -> usize {
    let mut depth = 0_i32;
    while at < tokens.len() {
        match tokens[at].text.as_str() {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => depth -= 1,
            _ => {}
        }
        let text = tokens[at].text.as_str();
        at += 1;
        if depth == 0 && matches!(text, ";" | "}") {
            break;
        }
    }
    at
}
