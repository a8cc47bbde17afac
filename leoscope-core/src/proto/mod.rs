//! The protocol: generated code and conversions, one file per group of messages.
//!
//! `From` and `TryFrom` go both ways; an error names the field. What existing programs need and
//! the model does not have (texts that must not be empty, statuses in other words) is added and
//! taken away here.

pub mod bundle;
pub mod change;
mod heartbeat;
pub mod history;
pub mod job;
pub mod listing;
pub mod logs;
pub mod node;
pub mod orders;
pub mod planning;
mod policies;
mod readings;
pub mod refusal;
pub mod run;
pub mod settings;
pub mod sky;
mod standby;
pub mod status;
pub mod task;
mod trigger;
pub mod user;

/// The calls of the public LEOScope testbed.
#[expect(
    missing_docs,
    unused_qualifications,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    reason = "generated; documented in proto/leotest.proto"
)]
pub mod unary {
    tonic::include_proto!("unary");
}

mod leoscope {
    /// What goes beyond the calls of the public testbed.
    #[expect(
        missing_docs,
        unused_qualifications,
        clippy::allow_attributes,
        clippy::allow_attributes_without_reason,
        reason = "generated; documented in proto/leoscope/v1"
    )]
    pub mod v1 {
        tonic::include_proto!("leoscope.v1");
    }
}

pub use leoscope::v1;
/// What encodes and decodes a message without a call.
pub use prost::Message;

/// The descriptors of all messages and calls (an encoded `google.protobuf.FileDescriptorSet`), for
/// programs that ask a server what it can do.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// All calls, as `package.Service/Method`.
pub fn methods() -> Vec<String> {
    use prost::Message as _;
    let files = prost_types::FileDescriptorSet::decode(DESCRIPTORS).unwrap_or_default();
    let of_file = |file: prost_types::FileDescriptorProto| {
        let package = file.package().to_owned();
        file.service.into_iter().flat_map(move |service| {
            let service_name = format!("{package}.{}", service.name());
            service.method.into_iter().map(move |method| format!("{service_name}/{}", method.name()))
        })
    };
    files.file.into_iter().flat_map(of_file).collect()
}

/// The names under which credentials travel with a call.
pub mod metadata {
    /// The user id.
    pub const USER: &str = "x-leotest-userid";
    /// The access token.
    pub const TOKEN: &str = "x-leotest-access-token";
    /// The token of the web portal.
    pub const JWT: &str = "x-leotest-jwt-access-token";
}

use crate::error::{Error, Result};
use crate::time::{Timestamp, parse_time};

/// What stands in a text field that existing programs need to be non-empty.
const PLACEHOLDER: &str = "-";

/// The text, unless it is empty: existing clients send empty texts for values they leave out.
fn given(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

/// Parses a value that may be left out.
fn optional<T>(text: Option<&str>, parse: impl FnOnce(&str) -> Result<T>) -> Result<Option<T>> {
    text.and_then(given).map(parse).transpose()
}

/// Reads the time in `field`.
fn time(field: &str, text: &str) -> Result<Timestamp> {
    parse_time(text).map_err(|error| error.context(field))
}

/// Reads microseconds since 1970 in `field`.
fn micros(field: &str, value: i64) -> Result<Timestamp> {
    Timestamp::from_microsecond(value)
        .map_err(|_| Error::invalid(format!("{field}: {value} microseconds since 1970 is not a time")))
}

/// The value of a part that must be there.
fn present<T>(field: &str, value: Option<T>) -> Result<T> {
    value.ok_or_else(|| Error::invalid(format!("{field} is missing")))
}
