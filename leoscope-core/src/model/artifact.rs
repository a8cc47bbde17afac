//! Where the bundle of a run lives in an artifact store.

use std::fmt;

use crate::ids::{JobId, NodeId, RunId};

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

impl ArtifactKey {
    /// The file name under which a person receives the bundle: `<jobid>-<runid>.tar.gz`.
    pub fn file_name(&self) -> String {
        format!("{}-{}.tar.gz", self.job, self.run)
    }
}

impl fmt::Display for ArtifactKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}.tar.gz", self.node, self.job, self.run)
    }
}
