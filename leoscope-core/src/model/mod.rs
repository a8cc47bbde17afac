//! The things the testbed speaks of: users, nodes, jobs, runs, orders and their configuration.

mod artifact;
mod change;
mod executor;
mod experiment;
mod job;
mod journal;
mod node;
mod orders;
mod planning;
mod record;
mod run;
mod secret;
mod settings;
mod spec;
mod task;
mod user;

pub use artifact::ArtifactKey;
pub use change::JobChange;
pub use executor::{ExecutorConfig, Limits, Network};
pub use experiment::{DockerExperiment, ExperimentConfig, PortMapping, Protocol};
pub use job::{Job, JobParams, RunLength, View};
pub use journal::{Bundle, Exit, JournalEntry, RuntimeState, Step};
pub use node::{Coordinates, Node, NodeFilter, NodeUpdate};
pub use orders::Orders;
pub use planning::{CalendarEvent, JobPlan, SlotRequest};
pub use record::{Record, RecordKey, RecordKind, Revision};
pub use run::{Outcome, Phase, Reason, Run, RunFilter, RunStatus, Stage};
pub use secret::{Secret, TokenHash};
pub use settings::{BlobSettings, Settings};
pub use spec::{JobSpec, MAX_WINDOW_DAYS};
pub use task::{NewTask, Task, TaskFilter, TaskKind, TaskStatus, TaskTtl};
pub use user::{Caller, NewUser, Role, User};
