//! The bundle of a run: `<jobid>-<runid>.tar.gz`.

mod pack;

pub use pack::{Contents, pack};
