//! What `leoscope doctor` has found.

use std::fmt;

use leoscope_core::Error;
use serde::Serialize;
use serde_json::Value;

use super::{Record, or_dash, to_json};

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// All is well.
    Ok,
    /// It works, and something should be mended.
    Warning,
    /// Calls cannot work.
    Failed,
    /// Something else has to be mended first, or there is no way to tell.
    Skipped,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        })
    }
}

/// What a check has found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    #[serde(rename = "state")]
    pub(crate) verdict: Verdict,
    /// What was seen, in one line.
    pub(crate) found: String,
    /// What to do, where there is something to do.
    #[serde(rename = "what_to_do")]
    pub(crate) advice: Option<String>,
}

impl Finding {
    /// That all is well.
    pub(crate) fn ok(found: impl Into<String>) -> Self {
        Self { verdict: Verdict::Ok, found: found.into(), advice: None }
    }

    /// That something should be mended.
    pub(crate) fn warning(found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { verdict: Verdict::Warning, found: found.into(), advice: Some(advice.into()) }
    }

    /// That calls cannot work.
    pub(crate) fn failed(found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { verdict: Verdict::Failed, found: found.into(), advice: Some(advice.into()) }
    }

    /// That `error` is in the way.
    pub(crate) fn error(error: &Error) -> Self {
        let advice = error.what_to_do().map(str::to_owned);
        Self { verdict: Verdict::Failed, found: error.message().to_owned(), advice }
    }

    /// That it was not looked.
    pub(crate) fn skipped(why: impl Into<String>) -> Self {
        Self { verdict: Verdict::Skipped, found: why.into(), advice: None }
    }
}

/// A check that has been made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Checked {
    pub(crate) check: &'static str,
    #[serde(flatten)]
    pub(crate) finding: Finding,
}

impl Record for Checked {
    const HEADER: &'static [&'static str] = &["check", "state", "found", "what to do"];

    fn id(&self) -> String {
        self.check.to_owned()
    }

    fn row(&self) -> Vec<String> {
        let Self { check, finding: Finding { verdict, found, advice } } = self;
        vec![(*check).to_owned(), verdict.to_string(), found.clone(), or_dash(advice.as_ref())]
    }

    fn json(&self) -> Value {
        to_json(self)
    }
}
