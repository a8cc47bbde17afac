//! What was found out about how a run was carried out.

use serde::{Deserialize, Serialize};

use super::TriggerDecision;
use super::named::named;

named!(
    /// How an experiment was set going at its instant.
    StartMode {
        /// It was held ready, its process already there, and only released.
        Armed = "ARMED",
        /// Its process was made at the instant: later by what that takes.
        Plain = "PLAIN",
    }
);

/// What a runtime made ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// How it will be set going.
    pub start: StartMode,
    /// What identifies the image for good (`sha256:…`, or `NAME@sha256:…` where a registry gave it);
    /// `None` for runtimes without images.
    pub image: Option<String>,
}

impl Prepared {
    /// Something without an image that is set going by making its process.
    pub const PLAIN: Self = Self { start: StartMode::Plain, image: None };
}

/// What a node knows of the machine it is on; each is absent where it is not known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostDescription {
    /// The operating system and its version, as it calls itself, for example `Debian GNU/Linux 12`.
    pub operating_system: Option<String>,
    /// The kernel and its release, for example `Linux 6.1.0-18-amd64`.
    pub kernel: Option<String>,
    /// What the processor understands, for example `x86_64`.
    pub architecture: Option<String>,
}

/// What was found out about how a run was carried out; each is absent where it is not known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunFacts {
    /// How it was set going.
    pub start: Option<StartMode>,
    /// What identifies the image that ran; see [`Prepared::image`].
    pub image: Option<String>,
    /// The node's clock minus true time, in microseconds, as measured last before the start.
    pub clock_offset_us: Option<i64>,
    /// How it was decided whether it starts, for a run with a trigger.
    pub trigger: Option<TriggerDecision>,
}
