use crate::error::Result;
use crate::model::{Node, NodeStatus, RunFilter};
use crate::ports::ControlPlane;
use crate::time::{SignedDuration, Timestamp, Window};

/// How far ahead, and for what has begun how far back, planned runs are looked for.
const REACH: SignedDuration = SignedDuration::from_hours(24);

/// How many of the newest runs of a node are asked for: enough to find the last that ended.
const RUNS: u32 = 50;

/// What a node is at, as far as the caller may see its runs, and whether all of its planned runs a day
/// around `at` are told: there may be too many.
///
/// # Errors
/// Those of the calls.
pub async fn node_status(plane: &dyn ControlPlane, node: Node, at: Timestamp) -> Result<(NodeStatus, bool)> {
    let around = Window::new(
        at.checked_sub(REACH).unwrap_or(Timestamp::MIN),
        at.checked_add(REACH).unwrap_or(Timestamp::MAX),
    )?;
    let filter = RunFilter { node: Some(node.id.clone()), limit: Some(RUNS), ..RunFilter::default() };
    let runs = plane.runs(&filter).await?;
    let calendar = plane.calendar(&node.id, around).await?;
    Ok((NodeStatus::of(node, runs, calendar.events, at), calendar.complete))
}
