//! The bundle of a run: `<jobid>-<runid>.tar.gz`.

mod gzip;
mod manifest;
mod output;
mod pack;
mod unpack;

pub use output::read_output;
pub use pack::{Contents, facts, pack};
pub use unpack::{
    MAX_UNPACKED_BYTES, MAX_UNPACKED_ENTRIES, UnpackLimits, Unpacked, unpack, unpack_within, unpacking,
};
