//! Networks that the operator names: made where the engine does not have them, removed when the
//! operator names another.

use std::collections::HashMap;

use bollard::models::NetworkCreateRequest;
use bollard::query_parameters::ListNetworksOptions;

use super::DockerRuntime;
use super::container::{LABEL, NODE_LABEL};
use super::fault::{self, fault, is_missing};
use crate::error::Result;
use crate::model::{Network, Outcome};

impl DockerRuntime {
    /// Makes a network that the operator has named, unless it is there.
    pub(super) async fn ensure_network(&self, network: &Network) -> Result<(), Outcome> {
        let Network::Named(name) = network else { return Ok(()) };
        match self.docker.inspect_network(name, None).await {
            Err(e) if is_missing(&e) => {}
            Err(e) => return Err(fault::not_made(&e)),
            Ok(_) => return Ok(()),
        }
        let labels = HashMap::from([
            (LABEL.to_owned(), "true".to_owned()),
            (NODE_LABEL.to_owned(), self.node.to_string()),
        ]);
        let request = NetworkCreateRequest {
            name: name.clone(),
            driver: Some("bridge".into()),
            labels: Some(labels),
            ..Default::default()
        };
        match self.docker.create_network(request).await {
            // Made by another run at the same time.
            Err(e) if !fault::is_name_taken(&e) => Err(fault::not_made(&e)),
            _ => Ok(()),
        }
    }

    /// Removes the networks that this node has made and that are not `keep`.
    pub(super) async fn remove_networks(&self, keep: &Network) -> Result<()> {
        let filters = Some(HashMap::from([("label".to_owned(), self.labels())]));
        let found = self.docker.list_networks(Some(ListNetworksOptions { filters })).await;
        let found = found.map_err(|e| fault("list the networks of this node", &e))?;
        for name in found.into_iter().filter_map(|network| network.name) {
            if *keep == Network::Named(name.clone()) {
                continue;
            }
            match self.docker.remove_network(&name).await {
                Ok(()) => tracing::info!(network = name, "removed a network that is no longer configured"),
                Err(e) if is_missing(&e) => {}
                Err(e) => return Err(fault(format!("remove network {name}"), &e)),
            }
        }
        Ok(())
    }
}
