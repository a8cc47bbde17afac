//! The things the testbed speaks of: users, nodes, jobs, runs, orders and their configuration.

mod account;
mod artifact;
mod audit;
mod awaiting;
mod change;
mod clock;
mod connection;
mod constellation;
mod container;
mod dates;
mod docker;
mod event;
mod executor;
mod experiment;
mod facts;
mod forecast;
mod host;
mod job;
mod jobfile;
mod journal;
mod kernel;
mod limits;
mod manifest;
mod monitors;
mod named;
mod node;
mod orders;
mod outbox;
mod output;
mod place;
mod planning;
mod record;
mod redact;
mod route;
mod run;
mod secret;
mod settings;
mod sky;
mod spec;
mod standby;
mod stats;
mod status;
mod task;
mod traffic;
mod trigger;
mod user;
mod watching;

pub use account::Fact;
pub use artifact::{
    ArtifactKey, BundleFacts, BundleRecord, Checksum, ExperimentFile, ExperimentFiles, StoredBundle,
};
pub use audit::{AuditAction, AuditEntry, AuditFilter, AuditOutcome, Trace};
pub use awaiting::{Arrival, Awaited};
pub use change::JobChange;
pub use clock::{ClockReading, ClockSource, Heartbeat, clock_error, is_clock_off};
pub use connection::{AccountKey, BlobAccess, ConnectionString};
pub use constellation::Constellation;
pub use container::BlobFolder;
pub use dates::{JobEnd, JobStart};
pub use docker::{Capability, DockerConfig, HostEntry, Password, PullPolicy, Registry};
pub use event::{EventOutcome, EventScope, JobEvent, NewEvent, ORCHESTRATOR};
pub use executor::{AutoScavenger, ExecutorConfig, Network};
pub use experiment::{DockerExperiment, ExperimentConfig, PortMapping, Protocol};
pub use facts::{HostDescription, Prepared, RunFacts, StartMode};
pub use forecast::{Expected, Forecast, Reach};
pub use host::{HostStart, HostTime};
pub use job::{Job, JobParams, RunLength, View};
pub use journal::{Bundle, ConfigSource, Exit, JournalEntry, Part, RuntimeState, Step, StepAt};
pub use kernel::{CongestionControl, KernelService, KernelSetting, Parameter};
pub(crate) use limits::size;
pub use limits::{AskedLimits, Limits, parse_size};
#[cfg(test)]
pub(crate) use manifest::tests::manifest_for_tests;
pub use manifest::{
    DishFacts, ElementSet, LeftOut, Manifest, ManifestOutcome, ManifestRun, NodeFacts, PackedFile, PhaseTime,
    Position, Slots, Software, TriggerFacts, WeatherFacts, WhyLeftOut,
};
pub use monitors::{
    CustomConfig, CustomSource, DishConfig, LatencyConfig, MonitorsConfig, MqttConfig, ProbeTarget,
    SatelliteConfig, WeatherConfig,
};
pub use node::{Coordinates, Node, NodeFilter, NodeUpdate, PortalNotes, Site};
pub use orders::Orders;
pub use outbox::OutboxConfig;
pub use output::{Follower, MAX_PIECE_BYTES, OutputPiece, OutputScope, OutputSource, Tail};
pub(crate) use place::OWN_PLACE;
pub use place::ResultsPlace;
pub use planning::{CalendarEvent, Expectation, JobPlan, SlotRequest};
pub use record::{Record, RecordKey, RecordKind, Revision};
pub use redact::redacted;
pub use route::Route;
pub use run::{Outcome, Phase, Reason, Run, RunFilter, RunStatus, Stage};
pub use secret::{Secret, TokenHash};
pub use settings::{BlobSettings, Settings};
pub use sky::{MapFrame, ObstructionMap};
pub use spec::{JobSpec, MAX_WINDOW_DAYS};
pub use standby::{Standby, StandbyBy, StandbyKind, Standbys};
pub use stats::{JobStats, Lateness, stats};
pub use status::{NodeState, NodeStatus};
pub use task::{NewTask, Task, TaskFilter, TaskKind, TaskStatus, TaskTtl};
pub use traffic::Traffic;
pub use trigger::{NodeReadings, Reading, TriggerDecision};
pub use user::{Caller, NewUser, Role, User};
pub use watching::{MonitorStatus, TriggerStatus, Watching};
