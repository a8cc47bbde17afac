//! On which nodes an experiment is to be booked.

use clap::Args;
use leoscope_core::ids::{NodeId, UserId};
use leoscope_core::model::{Node, NodeFilter};
use leoscope_core::ports::ControlPlane;
use leoscope_core::time::SignedDuration;
use leoscope_core::{Error, Result};

use crate::output::Output;

/// How long ago a node that is active has called at most.
const LATELY: SignedDuration = SignedDuration::from_secs(600);

/// The options that name nodes.
#[derive(Debug, Args)]
pub(super) struct Nodes {
    /// The node that measures; with commas between them, or given more than once, a job on each
    #[arg(long, value_name = "NODEID,…", value_delimiter = ',')]
    nodeid: Vec<NodeId>,
    /// Book on all nodes that are like this, for example provider=starlink,location=Seattle; keys are
    /// provider, location, name and owner
    #[arg(long, value_name = "KEY=VALUE,…", value_delimiter = ',', value_parser = condition)]
    #[arg(conflicts_with = "nodeid")]
    r#where: Vec<Condition>,
    /// Book on all nodes that called within ten minutes; with --where on those of them
    #[arg(long, conflicts_with = "nodeid")]
    all_active: bool,
}

/// One thing to be so of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Condition {
    Provider(String),
    Location(String),
    Name(String),
    Owner(UserId),
}

fn condition(text: &str) -> Result<Condition> {
    let hint = "write provider=starlink; keys are provider, location, name and owner";
    let (key, value) =
        text.split_once('=').ok_or_else(|| Error::invalid(format!("{text:?} has no =")).hint(hint))?;
    let value = value.trim();
    match key.trim() {
        "provider" => Ok(Condition::Provider(value.to_owned())),
        "location" => Ok(Condition::Location(value.to_owned())),
        "name" => Ok(Condition::Name(value.to_owned())),
        "owner" => UserId::parse(value).map(Condition::Owner),
        key => Err(Error::invalid(format!("nodes cannot be chosen by {key:?}")).hint(hint)),
    }
}

impl Nodes {
    /// The nodes, at least one. Those that let nobody book are left out unless they are named.
    pub(super) async fn choose(self, plane: &dyn ControlPlane, out: &Output) -> Result<Vec<NodeId>> {
        let Self { mut nodeid, r#where: conditions, all_active } = self;
        if !nodeid.is_empty() {
            let mut seen = std::collections::BTreeSet::new();
            nodeid.retain(|node| seen.insert(node.clone()));
            return Ok(nodeid);
        }
        if conditions.is_empty() && !all_active {
            return Err(Error::invalid("no node is named").hint("give --nodeid, --where or --all-active"));
        }
        let mut filter = NodeFilter { active_within: all_active.then_some(LATELY), ..NodeFilter::default() };
        for condition in conditions {
            match condition {
                Condition::Provider(provider) => filter.provider = Some(provider),
                Condition::Location(location) => filter.location = Some(location),
                Condition::Name(name) => filter.name = Some(name),
                Condition::Owner(owner) => filter.owner = Some(owner),
            }
        }
        let (open, closed): (Vec<Node>, Vec<Node>) =
            plane.nodes(&filter).await?.into_iter().partition(|node| node.scheduling_enabled);
        for node in &closed {
            out.note(format_args!("node {} is left out: nobody may book on it", node.id));
        }
        if open.is_empty() {
            return Err(
                Error::not_found("no node is like that").hint("list all nodes with 'leoscope node get'")
            );
        }
        Ok(open.into_iter().map(|node| node.id).collect())
    }
}
