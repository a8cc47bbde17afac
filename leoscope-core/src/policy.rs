//! Who may do what: the whole permission table.

use crate::error::{Error, ErrorKind};
use crate::ids::{NodeId, UserId};
use crate::model::{Caller, Job, Node, Role, Run};

/// Something a caller wants to do, with the object it wants to do it to.
#[derive(Debug, Clone, Copy)]
pub enum Action<'a> {
    /// Register, modify or delete users.
    ManageUsers,
    /// Read a user; `served` tells whether it has a job on the calling node.
    ReadUser {
        /// The user to read.
        user: &'a UserId,
        /// Whether the caller is a node on which this user has a job.
        served: bool,
    },
    /// Replace or revoke the access token of a user.
    ChangeToken(&'a UserId),
    /// Change the testbed-wide settings.
    UpdateSettings,
    /// Read the testbed-wide settings with their secrets.
    ReadSecretSettings,
    /// Register a node for this owner.
    RegisterNode(Option<&'a UserId>),
    /// Delete a node, or all jobs on it.
    DeleteNode(&'a Node),
    /// Change a node or report that it is alive.
    UpdateNode(&'a Node),
    /// See the network addresses of a node.
    ReadNodeAddress(&'a Node),
    /// Book a job.
    ScheduleJob,
    /// Read a job whole.
    ReadJob(&'a Job),
    /// List the jobs of a user.
    ReadJobsOfUser(&'a UserId),
    /// Delete a job.
    DeleteJob(&'a Job),
    /// Change a job.
    ModifyJob(&'a Job),
    /// Move a one-time job to another time.
    RescheduleJob(&'a Job),
    /// Report a run of a job, or hand over its results.
    ReportRun(&'a Job),
    /// Read a run.
    ReadRun(&'a Run),
    /// Ask something of the other node of a run of a job, see what was asked, say that it is done.
    UseTasks(&'a Job),
    /// List tasks.
    ListTasks,
    /// Ask whether experiments of a user may change kernel settings.
    AskKernelAccess,
    /// Fetch the orders of a node.
    ReadOrders(&'a NodeId),
    /// Send those who follow runs of a node what they print.
    SendOutput(&'a NodeId),
    /// See what a node reads of the world around it.
    WatchReadings(&'a NodeId),
    /// Send those who want to see it what a node reads.
    SendReadings(&'a NodeId),
    /// Have the artifact store checked.
    ProbeArtifacts,
    /// Read the audit trail.
    ReadAudit,
}

/// Whether `caller` may do `action`. ADMIN may do everything.
pub fn may(caller: &Caller, action: &Action<'_>) -> bool {
    if caller.role == Role::Admin {
        return true;
    }
    let is = |user: &UserId| caller.id == *user;
    let owns_node = |node: &Node| caller.role == Role::NodeOwner && node.owner.as_ref().is_some_and(is);
    match *action {
        Action::ManageUsers | Action::UpdateSettings | Action::ReadAudit => false,
        Action::ReadUser { user, served } => is(user) || (caller.role.is_node() && served),
        Action::ChangeToken(user) => is(user),
        Action::ReadSecretSettings => caller.role.is_node(),
        Action::RegisterNode(owner) => caller.role == Role::NodeOwner && owner.is_some_and(is),
        Action::DeleteNode(node) => owns_node(node),
        Action::UpdateNode(node) => owns_node(node) || caller.is_node(&node.id),
        Action::ReadNodeAddress(node) => caller.role.is_node() || owns_node(node),
        Action::ScheduleJob => match caller.role {
            Role::Admin | Role::User | Role::UserPriv | Role::NodeOwner => true,
            Role::Node | Role::NodePriv => false,
        },
        Action::ReadJob(job) => is(&job.owner) || job.nodes().any(|node| caller.is_node(node)),
        Action::ReadJobsOfUser(user) => is(user),
        Action::DeleteJob(job) | Action::ModifyJob(job) => is(&job.owner),
        Action::RescheduleJob(job) => is(&job.owner) || caller.is_node(&job.node),
        Action::ReportRun(job) | Action::UseTasks(job) => job.nodes().any(|node| caller.is_node(node)),
        Action::ReadRun(run) => is(&run.owner) || caller.is_node(&run.node),
        Action::ListTasks | Action::AskKernelAccess | Action::ProbeArtifacts => caller.role.is_node(),
        // Whoever books may have these decide when a run starts, and sees them in its record.
        Action::WatchReadings(node) => !caller.role.is_node() || caller.is_node(node),
        Action::ReadOrders(node) | Action::SendOutput(node) | Action::SendReadings(node) => {
            caller.is_node(node)
        }
    }
}

/// [`may`] as a result.
///
/// # Errors
/// [`PermissionDenied`](ErrorKind::PermissionDenied), in the words existing clients know.
pub fn require(caller: &Caller, action: &Action<'_>) -> Result<(), Error> {
    if may(caller, action) {
        return Ok(());
    }
    let Caller { id, role } = caller;
    Err(Error::new(ErrorKind::PermissionDenied, format!("permission denied: userid={id} and role={role}")))
}
