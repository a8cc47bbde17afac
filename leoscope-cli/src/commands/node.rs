//! `leoscope node`: register and manage measurement nodes.

mod map;
mod status;

use clap::{Args, Subcommand};
use leoscope_core::ids::{NodeId, UserId};
use leoscope_core::model::{
    Coordinates, Node, NodeFilter, NodeUpdate, PortalNotes, Standby, StandbyBy, StandbyKind,
};
use leoscope_core::time::{SignedDuration, Timestamp, parse_duration, parse_instant, to_micros, wire_time};
use leoscope_core::{Error, Result};
use serde_json::json;

use crate::connect::Session;
use crate::exit::ExitStatus;
use crate::output::Output;

/// The `node` commands.
#[derive(Debug, Subcommand)]
pub(crate) enum NodeCommand {
    /// Register a node and print its access token, once
    Register(Register),
    /// List nodes
    Get(Get),
    /// Tell how nodes are, what they are at and what comes next
    Status(status::Status),
    /// Show on a map where nodes are
    Map(map::Map),
    /// Change a node; what is not given stays
    Update(Update),
    /// Take the link of a node for other things: runs that need it for themselves are stopped, and
    /// none is begun
    ScavengerSet(Begin),
    /// Take a node out of use: what runs goes on to its end, and nothing is begun
    Drain(Begin),
    /// Give a node back to experiments, whatever has kept it from them
    #[command(visible_alias = "scavenger-unset")]
    Resume(Resume),
    /// Remove a node
    Delete(Delete),
}

impl NodeCommand {
    /// Whether it only lists.
    pub(crate) fn is_listing(&self) -> bool {
        matches!(self, Self::Get(_) | Self::Status(_) | Self::Map(_))
    }
}

/// What can be said about a node.
#[derive(Debug, Args)]
struct Details {
    /// A name for people to read
    #[arg(long)]
    name: Option<String>,
    /// The name of the place where it stands
    #[arg(long)]
    location: Option<String>,
    /// Where its antenna stands, in degrees north and east, for example 47.6062,-122.3321
    #[arg(long, value_name = "LAT,LON", allow_hyphen_values = true)]
    coords: Option<Coordinates>,
    /// The satellite network it is on, for example starlink
    #[arg(long)]
    provider: Option<String>,
    /// What else there is to say about it
    #[arg(long)]
    description: Option<String>,
    /// Its address on the internet
    #[arg(long, value_name = "ADDRESS")]
    public_ip: Option<String>,
    /// The user who owns it
    #[arg(long, value_name = "USERID")]
    owner: Option<UserId>,
    /// Whether new jobs may be booked on it
    #[arg(long, value_name = "true|false", hide_possible_values = true)]
    scheduling: Option<bool>,
}

/// Options of `node register`.
#[derive(Debug, Args)]
pub(crate) struct Register {
    /// The id of the node, which is also its user id
    #[arg(long)]
    nodeid: NodeId,
    #[command(flatten)]
    details: Details,
}

/// Options of `node get`.
#[derive(Debug, Args)]
pub(crate) struct Get {
    /// Only this node
    #[arg(long)]
    nodeid: Option<NodeId>,
    /// Only nodes of this name
    #[arg(long)]
    name: Option<String>,
    /// Only nodes at this location
    #[arg(long)]
    location: Option<String>,
    /// Only nodes on this satellite network
    #[arg(long)]
    provider: Option<String>,
    /// Only nodes of this owner
    #[arg(long, value_name = "USERID")]
    owner: Option<UserId>,
    #[command(flatten)]
    whereabouts: Whereabouts,
    /// Only nodes that called lately, see --active-thres
    #[arg(long, overrides_with = "no_active")]
    active: bool,
    /// All nodes, whether they called or not
    #[arg(long, hide = true)]
    no_active: bool,
    /// How many seconds ago is lately
    #[arg(long, value_name = "SECS", default_value_t = 600)]
    active_thres: u32,
}

/// Where nodes are; the orchestrator is not asked for these, so they are looked for in its answer.
#[derive(Debug, Args)]
struct Whereabouts {
    /// Only nodes whose antenna stands exactly there, in degrees north and east
    #[arg(long, value_name = "LAT,LON", allow_hyphen_values = true)]
    coords: Option<Coordinates>,
    /// Only nodes of this address on the internet, where you may see it
    #[arg(long, value_name = "ADDRESS")]
    public_ip: Option<String>,
}

impl Whereabouts {
    fn matches(&self, node: &Node) -> bool {
        let Self { coords, public_ip } = self;
        coords.is_none_or(|coords| node.coords == Some(coords))
            && public_ip.as_ref().is_none_or(|address| *address == node.public_ip)
    }
}

/// Options of `node update`.
#[derive(Debug, Args)]
pub(crate) struct Update {
    /// The node to change
    #[arg(long)]
    nodeid: NodeId,
    #[command(flatten)]
    details: Details,
}

/// Options of `node scavenger-set` and `node drain`.
#[derive(Debug, Args)]
pub(crate) struct Begin {
    /// The node
    #[arg(long)]
    nodeid: NodeId,
    /// Why, for people who book on the node
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// End it by itself after this time, for example 90m, 2h or 1d
    #[arg(long = "for", value_name = "TIME", value_parser = parse_duration, conflicts_with = "until")]
    lasting: Option<SignedDuration>,
    /// End it by itself at this instant, for example 2026-12-01T12:00:00 (UTC)
    #[arg(long, value_name = "INSTANT", value_parser = parse_instant)]
    until: Option<Timestamp>,
}

/// Options of `node resume`.
#[derive(Debug, Args)]
pub(crate) struct Resume {
    /// The node
    #[arg(long)]
    nodeid: NodeId,
}

impl Begin {
    /// What is asked for at `now`.
    fn standby(self, kind: StandbyKind, now: Timestamp) -> Result<(NodeId, Standby)> {
        let Self { nodeid, reason, lasting, until } = self;
        let after = lasting.map(|lasting| now.checked_add(lasting)).transpose();
        let after = after.map_err(|_| {
            Error::invalid("the end given with --for is beyond all times").hint("give a shorter time")
        })?;
        Ok((nodeid, Standby { kind, reason, until: until.or(after).map(to_micros) }))
    }
}

/// Options of `node delete`.
#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// The node to remove
    #[arg(long)]
    nodeid: NodeId,
    /// Delete the jobs booked on it as well, instead of refusing
    #[arg(long, overrides_with = "no_delete_jobs")]
    delete_jobs: bool,
    /// Refuse while jobs are booked on it
    #[arg(long, hide = true)]
    no_delete_jobs: bool,
}

impl From<Details> for NodeUpdate {
    fn from(details: Details) -> Self {
        let Details { name, location, coords, provider, description, public_ip, owner, scheduling } = details;
        Self {
            name,
            description,
            coords,
            location,
            provider,
            public_ip,
            owner,
            scheduling_enabled: scheduling,
            portal: PortalNotes::default(),
        }
    }
}

impl Get {
    /// What the orchestrator is asked for, and what is looked for in its answer.
    fn filters(self) -> (NodeFilter, Whereabouts) {
        let Self { nodeid, name, location, provider, owner, whereabouts, active, no_active, active_thres } =
            self;
        let lately = SignedDuration::from_secs(active_thres.into());
        let filter = NodeFilter {
            id: nodeid,
            location,
            name,
            provider,
            owner,
            active_within: (active && !no_active).then_some(lately),
        };
        (filter, whereabouts)
    }
}

/// Runs a `node` command.
pub(crate) async fn run(command: NodeCommand, session: &Session, out: &Output) -> Result<ExitStatus> {
    match command {
        NodeCommand::Register(Register { nodeid, details }) => {
            let token = session.connect()?.register_node(nodeid.clone(), details.into()).await?;
            out.token(&nodeid, &token);
        }
        NodeCommand::Get(get) => list(get, session, out).await?,
        NodeCommand::Status(status) => return status::run(status, session, out).await,
        NodeCommand::Map(map) => return map::run(map, session, out).await,
        NodeCommand::Update(Update { nodeid, details }) => {
            let update = NodeUpdate::from(details);
            if update == NodeUpdate::default() {
                return Err(Error::invalid(format!("nothing to change of node {nodeid}"))
                    .hint("give --name, --location, --coords or another option of a node"));
            }
            session.connect()?.update_node(&nodeid, update).await?;
            out.done(&nodeid, &format!("node {nodeid} is changed"), json!({}));
        }
        NodeCommand::ScavengerSet(begin) => {
            let (nodeid, standby) = begin.standby(StandbyKind::Scavenger, Timestamp::now())?;
            let message = format!("the link of node {nodeid} is its owner's{}", end(&standby));
            session.connect()?.set_standby(&nodeid, StandbyBy::Person, Some(standby)).await?;
            out.done(&nodeid, &message, json!({}));
        }
        NodeCommand::Drain(begin) => {
            let (nodeid, standby) = begin.standby(StandbyKind::Drain, Timestamp::now())?;
            let message = format!("node {nodeid} finishes what runs and begins nothing{}", end(&standby));
            session.connect()?.set_standby(&nodeid, StandbyBy::Person, Some(standby)).await?;
            out.done(&nodeid, &message, json!({}));
        }
        NodeCommand::Resume(Resume { nodeid }) => {
            session.connect()?.set_standby(&nodeid, StandbyBy::Person, None).await?;
            out.done(&nodeid, &format!("node {nodeid} takes all experiments again"), json!({}));
        }
        NodeCommand::Delete(Delete { nodeid, delete_jobs, no_delete_jobs }) => {
            session.connect()?.delete_node(&nodeid, delete_jobs && !no_delete_jobs).await?;
            out.done(&nodeid, &format!("node {nodeid} is deleted"), json!({}));
        }
    }
    Ok(ExitStatus::Done)
}

/// Until when, as the end of a sentence.
fn end(standby: &Standby) -> String {
    standby.until.map(|until| format!(" until {} (UTC)", wire_time(until))).unwrap_or_default()
}

/// A node asked for by its id must be there; other lists may be empty.
async fn list(get: Get, session: &Session, out: &Output) -> Result<()> {
    let (filter, whereabouts) = get.filters();
    let mut nodes = session.connect()?.nodes(&filter).await?;
    nodes.retain(|node| whereabouts.matches(node));
    match &filter.id {
        Some(id) if nodes.is_empty() => return Err(unknown(id)),
        None if nodes.is_empty() => out.note("no node matches"),
        _ => {}
    }
    out.list(&nodes);
    Ok(())
}

fn unknown(id: &NodeId) -> Error {
    Error::not_found(format!("there is no node {id} that matches"))
        .hint("list all nodes with 'leoscope node get'")
}
