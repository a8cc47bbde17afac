//! The manifest of a bundle: what is known of a run beside its files.
//!
//! `docs/bundle.md` explains every field, `docs/manifest.schema.json` is its schema. What is not known
//! is left out. A reader takes no notice of fields it does not know, so newer manifests can be read.

mod files;
mod surroundings;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{ClockReading, ConfigSource, Job, Outcome, Phase, Run, RunFacts, RunStatus, Stage};
use crate::ids::{NodeId, RunId};
use crate::time::{Slot, Timestamp, Window};

pub use files::{LeftOut, PackedFile, WhyLeftOut};
pub use surroundings::{DishFacts, ElementSet, NodeFacts, Position, TriggerFacts, WeatherFacts};

/// What a bundle says of its run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of the form; see [`Manifest::VERSION`].
    pub format_version: u32,
    /// The node's software.
    pub software: Software,
    /// What ran the experiment.
    pub runtime: Software,
    /// The job as it was when the run was planned, without secrets.
    #[serde(serialize_with = "without_nulls")]
    pub job: Job,
    /// Where the job's config came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_source: Option<ConfigSource>,
    /// The run itself.
    pub run: ManifestRun,
    /// The phases that the run went through, in order.
    #[serde(default)]
    pub phases: Vec<PhaseTime>,
    /// The 15-second slots in which the experiment started and ended, by the node's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slot: Option<Slots>,
    /// The node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeFacts>,
    /// How far the node's clock was off when the results were packed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock: Option<ClockReading>,
    /// The condition that the start depended on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trigger: Option<TriggerFacts>,
    /// The dish.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dish: Option<DishFacts>,
    /// The weather at the place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weather: Option<WeatherFacts>,
    /// The orbital elements that were in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elements: Option<ElementSet>,
    // These two stay last: the packer appends them, however long they are.
    /// The files of the bundle, the manifest aside.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<PackedFile>,
    /// What there was besides and is not in the bundle.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
}

impl Manifest {
    /// The version that is written. Fields are added without another version; one is needed when a
    /// field is taken away or comes to mean something else.
    pub const VERSION: u32 = 2;

    /// The name of the manifest in the bundle.
    pub const FILE: &str = "manifest.json";
}

/// A program and its version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Software {
    /// Its name.
    pub name: String,
    /// Its version.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

impl Software {
    /// The program of that name; an empty version is none.
    pub fn new(name: impl Into<String>, version: impl Into<String>) -> Self {
        Self { name: name.into(), version: Some(version.into()).filter(|version| !version.is_empty()) }
    }
}

/// A run as its manifest has it: what was known when the results were packed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ManifestRun {
    /// Its id.
    pub id: RunId,
    /// The node that carried it out.
    pub node: NodeId,
    /// When it was to run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub planned: Option<Window>,
    /// When the experiment was started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started: Option<Timestamp>,
    /// When the experiment ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// How much later than planned it was started, in milliseconds; negative when earlier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lateness_ms: Option<f64>,
    /// The exit code of the experiment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// How it was carried out.
    #[serde(default, serialize_with = "without_nulls")]
    pub facts: RunFacts,
    /// How it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<ManifestOutcome>,
}

impl ManifestRun {
    /// What a manifest says of `run`, which ends with `outcome`.
    pub fn of(run: &Run, outcome: Option<&Outcome>) -> Self {
        Self {
            id: run.id.clone(),
            node: run.node.clone(),
            planned: run.planned,
            started: run.started,
            ended: run.ended,
            lateness_ms: run.lateness().map(|late| late.as_micros() as f64 / 1e3),
            exit_code: run.exit_code,
            // The manifest has a place of its own for it.
            facts: RunFacts { trigger: None, ..run.facts.clone() },
            outcome: outcome.map(Into::into),
        }
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestOutcome {
    /// A terminal status.
    pub status: RunStatus,
    /// The step at which it ended.
    pub stage: Stage,
    /// Why: the name of a [`Reason`](super::Reason), of which later versions have more.
    pub reason: String,
    /// One line for people to read.
    pub message: String,
}

impl From<&Outcome> for ManifestOutcome {
    fn from(outcome: &Outcome) -> Self {
        let Outcome { status, stage, reason, message } = outcome.clone();
        Self { status, stage, reason: reason.name().to_owned(), message }
    }
}

/// When a phase began and how long it took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhaseTime {
    /// The phase.
    pub phase: Phase,
    /// When it began.
    pub start: Timestamp,
    /// How long it took, in microseconds by the node's clock; negative only if that was set back
    /// meanwhile.
    pub duration_us: i64,
}

/// The slots at the two ends of an experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slots {
    /// The slot of the actual start.
    pub start: Slot,
    /// The slot of the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<Slot>,
}

impl Slots {
    /// The slots of a run; `None` for one that was not started.
    pub fn of(run: &Run) -> Option<Self> {
        Some(Self { start: Slot::of(run.started?), end: run.ended.map(Slot::of) })
    }
}

/// Writes a value without its fields that are null.
fn without_nulls<S: Serializer>(value: &impl Serialize, serializer: S) -> Result<S::Ok, S::Error> {
    use serde::ser::Error as _;
    use serde_json::Value;
    fn strip(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.retain(|_, field| !field.is_null());
                fields.values_mut().for_each(strip);
            }
            Value::Array(items) => items.iter_mut().for_each(strip),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let mut value = serde_json::to_value(value).map_err(S::Error::custom)?;
    strip(&mut value);
    value.serialize(serializer)
}

/// Reads a text that is empty where it is not known.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.filter(|text| !text.is_empty()))
}

#[cfg(test)]
pub(crate) mod tests;
