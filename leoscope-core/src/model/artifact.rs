//! The bundle of a run: where it lives in an artifact store, and what identifies it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::ids::{JobId, NodeId, RunId};
use crate::time::Timestamp;

/// The name of a run's bundle: `<nodeid>/<jobid>/<runid>.tar.gz`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArtifactKey {
    /// The node that ran it.
    pub node: NodeId,
    /// The job it belongs to.
    pub job: JobId,
    /// The run.
    pub run: RunId,
}

/// The end of the names of bundles.
const SUFFIX: &str = ".tar.gz";

impl ArtifactKey {
    /// The file name under which a person receives the bundle: `<jobid>-<runid>.tar.gz`.
    pub fn file_name(&self) -> String {
        format!("{}-{}{SUFFIX}", self.job, self.run)
    }

    /// Reads what [`Display`](fmt::Display) writes; `None` for the name of anything else.
    pub fn from_name(name: &str) -> Option<Self> {
        let mut parts = name.strip_suffix(SUFFIX)?.split('/');
        let (node, job, run) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        Some(Self {
            node: NodeId::parse(node).ok()?,
            job: JobId::parse(job).ok()?,
            run: RunId::parse(run).ok()?,
        })
    }
}

impl fmt::Display for ArtifactKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}{SUFFIX}", self.node, self.job, self.run)
    }
}

/// A SHA-256 checksum; 64 hexadecimal digits as text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Checksum([u8; 32]);

impl Checksum {
    /// The checksum with these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Checksum {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        let fault = || Error::invalid(format!("{text:?} is no SHA-256 checksum of 64 hexadecimal digits"));
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| fault())?;
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for Checksum {
    type Error = Error;
    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<Checksum> for String {
    fn from(checksum: Checksum) -> Self {
        checksum.to_string()
    }
}

/// What identifies the bytes of a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleFacts {
    /// Its size in bytes.
    pub size: u64,
    /// Its checksum.
    pub sha256: Checksum,
}

/// The bundle of a run as it was handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleRecord {
    /// What identifies its bytes.
    #[serde(flatten)]
    pub facts: BundleFacts,
    /// When it was complete in the artifact store.
    pub stored: Timestamp,
    /// When it was removed from there by the operator's policy, if it was.
    #[serde(default)]
    pub removed: Option<Timestamp>,
}

/// A bundle in an artifact store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBundle {
    /// Its name.
    pub key: ArtifactKey,
    /// Its size in bytes.
    pub size: u64,
    /// When it was put there.
    pub modified: Timestamp,
}

/// What identifies a file of an experiment that may lie beside its bundles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExperimentFile {
    /// The experiment config.
    Config,
    /// The experiment's arguments.
    Arguments,
}

impl ExperimentFile {
    /// The name of the file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Config => "experiment-config.yaml",
            Self::Arguments => "experiment-args.json",
        }
    }
}

/// The files of an experiment that lie beside its bundles in blob storage, as earlier deployments
/// put them there. Each takes the place of what the orchestrator gives.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExperimentFiles {
    /// The text of `experiment-config.yaml`.
    pub config: Option<String>,
    /// The text of `experiment-args.json`.
    pub arguments: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_is_64_digits() {
        let text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let checksum: Checksum = text.parse().expect("checksum");
        assert_eq!(checksum.to_string(), text);
        assert_eq!(text.to_uppercase().parse::<Checksum>().expect("checksum"), checksum);
        for bad in ["", "ba", &text[1..], &format!("{text}0"), &text.replace('b', "g"), &"é".repeat(32)] {
            bad.parse::<Checksum>().expect_err(bad);
        }
    }

    #[test]
    fn a_name_is_read_as_it_was_written() {
        let name = "node-1/job@example.org/20261201T000000Z-ab.tar.gz";
        let key = ArtifactKey::from_name(name).expect("key");
        assert_eq!((key.to_string().as_str(), key.node.as_str()), (name, "node-1"));
        for other in [
            "node-1/job/experiment-config.yaml",
            "a/b.tar.gz",
            "a/b/c/d.tar.gz",
            "/b/c.tar.gz",
            "a/../c.tar.gz",
        ] {
            assert_eq!(ArtifactKey::from_name(other), None, "{other}");
        }
    }
}
