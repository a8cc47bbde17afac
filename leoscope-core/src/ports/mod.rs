//! The traits between the use-cases and the world.
//!
//! A trait's documentation lists what every implementation guarantees; each guarantee has a case
//! in [`conformance`](crate::conformance).

mod artifacts;
mod clock;
mod control;
mod elements;
mod host_facts;
mod kernel;
mod launcher;
mod ledger;
mod meter;
mod monitor;
mod paging;
mod publisher;
mod routes;
mod runtime;
mod sessions;
mod store;
mod traffic;
mod weather;

pub use artifacts::{ArtifactStore, BlobStorage, BlockUpload, BundleStream, ByteStream};
pub use clock::Clock;
pub use control::{
    Calendar, ControlPlane, Download, FollowerStream, Handover, MAX_PROBE_BYTES, MOST_RUNS, OrdersStream,
    ReadersStream, ReadingsStream, Scheduled, Source,
};
pub use elements::{ElementShelf, ElementSource, Fetched, Kept, Standing};
pub use host_facts::HostFacts;
pub use kernel::{Kernel, Place};
pub use launcher::{HostScheduler, Launcher};
pub use ledger::Ledger;
pub use meter::ClockMeter;
pub use monitor::{Around, Finding, Monitor, Observation, TelemetryLine};
pub use paging::StoreExt;
pub use publisher::Publisher;
pub use routes::Routes;
pub use runtime::{OutputStream, Resident, RunSpec, Runtime, RuntimeInfo};
pub use sessions::{Claim, Sessions};
pub use store::{
    Archive, AuditStore, Booking, EventStore, JobStore, NodeStore, PAGE, RunStore, SettingsStore, Store,
    TaskStore, Timetable, TimetableChanges, Unsettled, UserStore, Versions,
};
pub use traffic::TrafficMeter;
pub use weather::WeatherForecaster;
