use std::fmt::Debug;

use async_trait::async_trait;

use crate::error::Result;
use crate::model::{Constellation, Coordinates, DishFacts, ElementSet, ObstructionMap, Secret, WeatherFacts};
use crate::time::{SignedDuration, Timestamp};
use crate::trigger::{Key, Sample, Source};

/// What a monitor is told of the node each time it reads.
#[derive(Debug, Clone)]
pub struct Around {
    /// The time by the node's clock.
    pub now: Timestamp,
    /// Where the node's antenna stands, where its record says so.
    pub site: Option<Coordinates>,
    /// The key of the testbed's weather service, where it has one.
    pub weather_key: Option<Secret>,
    /// The orbital elements of its satellites, where there are any.
    pub elements: Option<Constellation>,
    /// The fields of single satellites that conditions name.
    pub satellites: Vec<Key>,
    /// What obstructs the dish, as it has told last.
    pub obstruction: Option<ObstructionMap>,
    /// Whether all is wanted that the source has by now, also what is read more seldom otherwise.
    pub all: bool,
}

/// What a monitor has read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Observation {
    /// The readings, older ones of a field first.
    pub samples: Vec<Sample>,
    /// Lines for the files that are kept beside the results of every run under way.
    pub telemetry: Vec<TelemetryLine>,
    /// What is known besides, for the manifests of runs.
    pub findings: Vec<Finding>,
}

/// A line of raw telemetry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TelemetryLine {
    /// The file it belongs to, for example `dish.csv`.
    pub file: &'static str,
    /// The first line of that file.
    pub header: &'static str,
    /// When it was observed; a line goes to the runs that were under way then.
    pub at: Timestamp,
    /// The line, without its end.
    pub line: String,
}

/// Something that manifests tell, the newest of its kind.
#[derive(Debug, Clone, PartialEq)]
pub enum Finding {
    /// The dish.
    Dish(DishFacts),
    /// What of the sky the dish sees.
    Obstruction(ObstructionMap),
    /// The weather.
    Weather(WeatherFacts),
    /// The orbital elements in use.
    Elements(ElementSet),
}

/// What reads one part of the world around a node.
///
/// Guarantees:
/// - [`read`](Monitor::read) answers or fails within [`patience`](Monitor::patience), leaves what it
///   reads as it is, and may be dropped at any time.
/// - What the source does not tell has no value; nothing is made up for it. A reading carries the time
///   at which its source says that it was observed.
/// - After a failure the next call starts anew; nothing is wrong for ever.
#[async_trait]
pub trait Monitor: Debug + Send + Sync {
    /// What it reads.
    fn source(&self) -> Source;

    /// Its name among those of the node, where no two have the same.
    fn name(&self) -> String {
        self.source().name().to_owned()
    }

    /// How often to read.
    fn interval(&self) -> SignedDuration;

    /// After how long its readings say nothing any more, where that follows from how often it reads and
    /// is longer than their fields have it.
    fn stale_after(&self) -> Option<SignedDuration> {
        None
    }

    /// How long one reading may take.
    fn patience(&self) -> SignedDuration {
        SignedDuration::from_secs(5)
    }

    /// Whether reading takes a little of the link that experiments measure.
    fn uses_link(&self) -> bool {
        false
    }

    /// Reads once.
    async fn read(&self, around: &Around) -> Result<Observation>;
}
