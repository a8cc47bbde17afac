//! Whose container has an address.

use std::collections::HashMap;
use std::net::IpAddr;

use bollard::models::{ContainerInspectResponse, ContainerSummary};
use bollard::query_parameters::ListContainersOptions;

use super::DockerRuntime;
use super::container::{LABEL, NODE_LABEL, RUN_LABEL};
use super::fault::{fault, is_missing};
use crate::error::Result;
use crate::ids::RunId;
use crate::ports::Resident;

impl DockerRuntime {
    /// The running container of this node that has `address` on one of its networks.
    pub(super) async fn resident_at(&self, address: IpAddr) -> Result<Option<Resident>> {
        let ours = vec![format!("{LABEL}=true"), format!("{NODE_LABEL}={}", self.node)];
        // The list lags behind: it shows a container as created while its first program already
        // runs. Looking at one waits until it has been started.
        let alive = ["created", "running"].map(str::to_owned).to_vec();
        let filters = Some(HashMap::from([("label".to_owned(), ours), ("status".to_owned(), alive)]));
        let options = ListContainersOptions { all: true, filters, ..Default::default() };
        let listed = self.docker.list_containers(Some(options)).await;
        for container in listed.map_err(|e| fault("list the containers of this node", &e))? {
            let Some((run, id)) = identity(container) else { continue };
            match self.docker.inspect_container(&id, None).await {
                Ok(inspected) if has_address(&inspected, address) => {
                    let process = inspected.state.and_then(|state| u32::try_from(state.pid?).ok());
                    return Ok(Some(Resident { run, process: process.filter(|process| *process != 0) }));
                }
                Ok(_) => {}
                Err(e) if is_missing(&e) => {}
                Err(e) => return Err(fault(format!("look for the container of run {run}"), &e)),
            }
        }
        Ok(None)
    }
}

/// The run of a container, and the engine's own id of it.
fn identity(container: ContainerSummary) -> Option<(RunId, String)> {
    let run = RunId::parse(container.labels?.get(RUN_LABEL)?).ok()?;
    Some((run, container.id?))
}

fn has_address(container: &ContainerInspectResponse, address: IpAddr) -> bool {
    let running = container.state.as_ref().and_then(|state| state.running).unwrap_or_default();
    let settings = container.network_settings.as_ref();
    let mut networks = settings.and_then(|settings| settings.networks.as_ref()).into_iter().flatten();
    running
        && networks.any(|(_, network)| {
            let own = [&network.ip_address, &network.global_ipv6_address];
            own.into_iter().flatten().any(|text| text.parse() == Ok(address))
        })
}
