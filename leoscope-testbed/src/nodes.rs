//! The nodes of a testbed and the places they stand at.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use leoscope_core::ids::NodeId;
use leoscope_core::model::{Coordinates, NodeUpdate};
use leoscope_core::{Error, Result};

use super::{ADMIN, RESEARCHER};

/// The id of the node that a testbed has unless others are asked for.
pub const SEATTLE: &str = "node-seattle";

/// A node of a testbed.
#[derive(Debug, Clone, PartialEq)]
pub struct TestbedNode {
    /// Its id.
    pub id: NodeId,
    /// What it is called.
    pub name: String,
    /// The place it stands at.
    pub location: String,
    /// Where that is.
    pub coords: Coordinates,
    /// Whose satellites it uses.
    pub provider: String,
}

impl TestbedNode {
    /// The one in Seattle.
    pub fn seattle() -> Self {
        Self::well_known(SEATTLE, "Seattle", "47.6062,-122.3321")
    }

    /// One in each of the well-known places: Seattle, Berlin and Sydney.
    pub fn all() -> Vec<Self> {
        vec![
            Self::seattle(),
            Self::well_known("node-berlin", "Berlin", "52.52,13.405"),
            Self::well_known("node-sydney", "Sydney", "-33.8688,151.2093"),
        ]
    }

    fn well_known(id: &str, place: &str, coords: &str) -> Self {
        Self {
            id: NodeId::parse(id).expect("the id of a well-known place"),
            name: place.into(),
            location: place.into(),
            coords: coords.parse().expect("the coordinates of a well-known place"),
            provider: "starlink".into(),
        }
    }

    /// What it is registered with.
    pub(crate) fn details(&self) -> NodeUpdate {
        let Self { id: _, name, location, coords, provider } = self;
        NodeUpdate {
            name: Some(name.clone()),
            location: Some(location.clone()),
            provider: Some(provider.clone()),
            coords: Some(*coords),
            ..NodeUpdate::default()
        }
    }

    /// Where it keeps its state in a testbed in `dir`.
    pub(crate) fn state_dir(&self, dir: &Path) -> PathBuf {
        // Directories made when there was but one node have it here.
        if self.id.as_str() == SEATTLE { dir.join("node") } else { dir.join("nodes").join(self.id.as_str()) }
    }
}

/// The first of `nodes` and the others.
///
/// # Errors
/// [`InvalidArgument`](leoscope_core::ErrorKind::InvalidArgument) for none, and for an id that is taken.
pub(crate) fn checked(nodes: &[TestbedNode]) -> Result<(&TestbedNode, &[TestbedNode])> {
    let mut taken = BTreeSet::from([ADMIN, RESEARCHER]);
    if let Some(node) = nodes.iter().find(|node| !taken.insert(node.id.as_str())) {
        return Err(Error::invalid(format!("the id {:?} is taken in this testbed", node.id.as_str()))
            .hint("give each node an id of its own"));
    }
    nodes.split_first().ok_or_else(|| {
        Error::invalid("a testbed without nodes runs no experiments").hint("give it at least one node")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_well_known_places_are_of_different_nodes() {
        let all = TestbedNode::all();
        let (first, others) = checked(&all).expect("nodes");
        assert_eq!((first, others.len()), (&TestbedNode::seattle(), 2));
        let dirs: Vec<_> = all.iter().map(|node| node.state_dir(Path::new("d"))).collect();
        let expected = ["d/node", "d/nodes/node-berlin", "d/nodes/node-sydney"];
        assert_eq!(dirs, expected.map(PathBuf::from));
        let sydney = &others[1].coords;
        assert_eq!((sydney.latitude(), sydney.longitude()), (-33.8688, 151.2093));
    }

    #[test]
    fn ids_must_differ_and_there_must_be_one() {
        let with_id = |id: &str| TestbedNode { id: NodeId::parse(id).expect("id"), ..TestbedNode::seattle() };
        for ids in [&["a", "b", "a"][..], &["a", RESEARCHER], &[ADMIN]] {
            let nodes: Vec<_> = ids.iter().map(|id| with_id(id)).collect();
            let error = checked(&nodes).expect_err("taken");
            assert!(error.message().ends_with("is taken in this testbed"), "{error}");
        }
        checked(&[]).expect_err("none");
    }
}
