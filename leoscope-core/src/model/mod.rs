//! The things the testbed speaks of: users, nodes, jobs, runs, orders and their configuration.

mod artifact;
mod executor;
mod experiment;
mod job;
mod journal;
mod node;
mod orders;
mod run;
mod secret;
mod settings;
mod user;

pub use artifact::ArtifactKey;
pub use executor::{ExecutorConfig, Limits, Network};
pub use experiment::{DockerExperiment, ExperimentConfig, PortMapping, Protocol};
pub use job::{Job, JobParams, JobSpec, MAX_WINDOW_DAYS, RunLength};
pub use journal::{Bundle, Exit, JournalEntry, RuntimeState, Step};
pub use node::{Coordinates, Node, NodeFilter, NodeUpdate};
pub use orders::Orders;
pub use run::{Outcome, Phase, Reason, Run, RunFilter, RunStatus, Stage};
pub use secret::{Secret, TokenHash};
pub use settings::{BlobSettings, Settings};
pub use user::{Caller, NewUser, Role, User};
