//! `leoscope node status`: how nodes are, and what they are at.

use clap::{ArgGroup, Args};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use leoscope_core::Result;
use leoscope_core::backends::clock::SystemClock;
use leoscope_core::follow::node_status;
use leoscope_core::ids::NodeId;
use leoscope_core::model::{NodeFilter, NodeStatus};
use leoscope_core::ports::Clock as _;

use super::unknown;
use crate::connect::Session;
use crate::exit::ExitStatus;
use crate::output::{Output, StatusView};
use crate::settings::SELECTOR;

/// How many nodes are asked about at the same time.
const AT_ONCE: usize = 8;

/// Options of `node status`.
///
/// A node that has called in the last ten minutes is online, unless it is draining, scavenged or closed
/// to new jobs. What runs is told as far as you may see it.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new(SELECTOR).args(["nodeid", "node"])))]
pub(crate) struct Status {
    /// The node [default: a line for each node there is]
    #[arg(value_name = "NODEID")]
    node: Option<NodeId>,
    /// The same
    #[arg(long)]
    nodeid: Option<NodeId>,
}

pub(super) async fn run(
    Status { node, nodeid }: Status,
    session: &Session,
    out: &Output,
) -> Result<ExitStatus> {
    let plane = session.connect()?;
    let filter = NodeFilter { id: node.or(nodeid), ..NodeFilter::default() };
    let nodes = plane.nodes(&filter).await?;
    let at = SystemClock.now();
    let looks: Vec<_> = nodes.into_iter().map(|node| node_status(plane.as_ref(), node, at)).collect();
    let looks: Vec<(NodeStatus, bool)> = stream::iter(looks).buffered(AT_ONCE).try_collect().await?;
    if looks.iter().any(|(_, is_whole)| !is_whole) {
        out.note("not all planned runs are told: there are too many");
    }
    let views: Vec<StatusView> = looks.into_iter().map(|(status, _)| StatusView { status, at }).collect();
    match (&filter.id, views.first()) {
        (Some(id), None) => return Err(unknown(id)),
        (Some(_), Some(view)) => out.node_status(view),
        (None, _) => {
            if views.is_empty() {
                out.note("there is no node");
            }
            out.list(&views);
        }
    }
    Ok(ExitStatus::Done)
}
