//! The native module `leoscope._leoscope`: one file per group of calls, each a thin shell over
//! leoscope-core. The user's documentation is in `_leoscope.pyi`.

mod call;
mod conflict;
mod connection;
mod cron;
mod error;
mod experiment;
mod given;
mod objects;
mod orbit;
mod process;
mod python;
mod schedule;
mod table;
mod testbed;
mod time;
mod trigger;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The native half of the Python package `leoscope`.
#[pyo3::pymodule]
mod _leoscope {
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::call::{Call, Pieces};
    #[pymodule_export]
    use crate::conflict::{JobTiming, conflicts, free_slots};
    #[pymodule_export]
    use crate::connection::Connection;
    #[pymodule_export]
    use crate::cron::Cron;
    #[pymodule_export]
    use crate::experiment::{experiment_from_yaml, experiment_shown, experiment_to_yaml};
    #[pymodule_export]
    use crate::objects::RunTable;
    #[pymodule_export]
    use crate::orbit::{Elements, Place};
    #[pymodule_export]
    use crate::process::ending;
    #[pymodule_export]
    use crate::schedule::cron_starts;
    #[pymodule_export]
    use crate::testbed::{LocalTestbed, measure_latency};
    #[pymodule_export]
    use crate::trigger::Trigger;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
