//! `leoscope node map`: where nodes are.

use clap::Args;
use leoscope_core::Result;
use leoscope_core::backends::clock::SystemClock;
use leoscope_core::model::{Node, NodeFilter};
use leoscope_core::ports::Clock as _;

use crate::connect::Session;
use crate::exit::ExitStatus;
use crate::output::Output;

/// Options of `node map`.
#[derive(Debug, Args)]
pub(crate) struct Map {
    /// Only nodes that called in the last ten minutes
    #[arg(long, overrides_with = "no_active")]
    active: bool,
    /// All nodes, whether they called or not
    #[arg(long, hide = true)]
    no_active: bool,
}

pub(super) async fn run(
    Map { active, no_active }: Map,
    session: &Session,
    out: &Output,
) -> Result<ExitStatus> {
    let active_within = (active && !no_active).then_some(Node::LATELY);
    let filter = NodeFilter { active_within, ..NodeFilter::default() };
    let nodes = session.connect()?.nodes(&filter).await?;
    if nodes.is_empty() {
        out.note("no node matches");
    }
    out.node_map(&nodes, SystemClock.now());
    Ok(ExitStatus::Done)
}
