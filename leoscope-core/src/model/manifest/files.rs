//! What a manifest says of files.

use serde::{Deserialize, Serialize};

use crate::model::Checksum;

/// A file in a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackedFile {
    /// Its path in the bundle. Bytes that are not UTF-8 are shown as U+FFFD; see `raw_path`.
    pub path: String,
    /// Its path in base64, where that is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw_path: Option<String>,
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-256.
    pub sha256: Checksum,
    /// Its path in the results directory, where a file of the bundle's own has that name, or where it has
    /// control characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub renamed_from: Option<String>,
    /// Where its content ends and zeros begin, in bytes: it could not be read to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub padded_from: Option<u64>,
}

/// Something that is not in a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Form")]
pub struct LeftOut {
    /// Its path, as it would be in the bundle.
    pub path: String,
    /// That path in base64, where it is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw_path: Option<String>,
    /// Why; manifests of version 1 do not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<WhyLeftOut>,
    /// What the system said of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// Why something is not in a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum WhyLeftOut {
    /// It is a symbolic link.
    Link,
    /// It is a device.
    Device,
    /// It is a pipe.
    Pipe,
    /// It is a socket.
    Socket,
    /// The node could not read it.
    NotReadable,
    /// It was there, and gone when its turn came.
    Vanished,
    /// The bundle has as many files as it may: this directory has more than are in the bundle.
    TooMany,
    /// With it the bundle would unpack to more than it may.
    TooLarge,
    /// For a reason that only later versions know.
    #[serde(other)]
    Other,
}

impl WhyLeftOut {
    /// All that are written.
    pub const ALL: [Self; 8] = [
        Self::Link,
        Self::Device,
        Self::Pipe,
        Self::Socket,
        Self::NotReadable,
        Self::Vanished,
        Self::TooMany,
        Self::TooLarge,
    ];
}

/// Both forms: version 1 had nothing but the path.
#[derive(Deserialize)]
#[serde(untagged)]
enum Form {
    Path(String),
    Whole { path: String, raw_path: Option<String>, why: Option<WhyLeftOut>, detail: Option<String> },
}

impl From<Form> for LeftOut {
    fn from(form: Form) -> Self {
        match form {
            Form::Path(path) => Self { path, raw_path: None, why: None, detail: None },
            Form::Whole { path, raw_path, why, detail } => Self { path, raw_path, why, detail },
        }
    }
}
