//! The bundle of a run: `<jobid>-<runid>.tar.gz`.

mod manifest;
mod pack;
mod unpack;

pub use pack::{Contents, pack};
pub use unpack::{
    MAX_UNPACKED_BYTES, MAX_UNPACKED_ENTRIES, UnpackLimits, Unpacked, unpack, unpack_within, unpacking,
};
