use leoscope_core::Result;
use leoscope_core::ids::NodeId;
use leoscope_core::model::{NodeFilter, Standby, StandbyBy};
use leoscope_core::ports::ControlPlane as _;
use leoscope_core::proto::unary;

use super::Call;

pub(super) async fn register_node(
    call: &Call,
    request: unary::RegisterNodeRequest,
) -> Result<unary::RegisterNodeResponse> {
    let (id, details) = request.try_into()?;
    let token = call.session.register_node(id, details).await?;
    let message = format!("node successfully registered access_token={}", token.expose());
    Ok(unary::RegisterNodeResponse { message, access_token: token.expose().to_owned(), ..Default::default() })
}

pub(super) async fn get_nodes(
    call: &Call,
    request: unary::GetNodesRequest,
) -> Result<unary::GetNodesResponse> {
    let nodes = call.session.nodes(&NodeFilter::try_from(request)?).await?;
    Ok(unary::GetNodesResponse { nodes: nodes.into_iter().map(Into::into).collect() })
}

pub(super) async fn update_node(
    call: &Call,
    request: unary::UpdateNodeRequest,
) -> Result<unary::UpdateNodeResponse> {
    let (id, update) = request.try_into()?;
    call.session.update_node(&id, update).await?;
    Ok(unary::UpdateNodeResponse { message: "updated node successfully".to_owned(), ..Default::default() })
}

pub(super) async fn delete_node(
    call: &Call,
    request: unary::DeleteNodeRequest,
) -> Result<unary::DeleteNodeResponse> {
    let unary::DeleteNodeRequest { nodeid, delete_jobs } = request;
    call.session.delete_node(&NodeId::parse(&nodeid)?, delete_jobs).await?;
    Ok(unary::DeleteNodeResponse { message: "node deleted".to_owned(), ..Default::default() })
}

pub(super) async fn report_heartbeat(
    call: &Call,
    request: unary::HeartbeatRequest,
) -> Result<unary::HeartbeatResponse> {
    call.session.heartbeat(request.try_into()?).await?;
    Ok(unary::HeartbeatResponse { received: true, error: None })
}

pub(super) async fn get_scavenger_status(
    call: &Call,
    request: unary::GetScavengerStatusRequest,
) -> Result<unary::GetScavengerStatusResponse> {
    Ok(call.session.standby(&NodeId::parse(&request.nodeid)?).await?.into())
}

pub(super) async fn set_scavenger_status(
    call: &Call,
    request: unary::SetScavengerStatusRequest,
) -> Result<unary::SetScavengerStatusResponse> {
    let active = request.scavenger_mode_active;
    let standby = active.then_some(Standby::SCAVENGER);
    call.session.set_standby(&NodeId::parse(&request.nodeid)?, StandbyBy::Person, standby).await?;
    let message = format!("scavenger mode is {}", if active { "on" } else { "off" });
    Ok(unary::SetScavengerStatusResponse { message, ..Default::default() })
}
