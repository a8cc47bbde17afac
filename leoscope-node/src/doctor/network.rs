//! What the node has to reach.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use leoscope_core::client::ClientConfig;
use leoscope_core::ids::NodeId;
use leoscope_core::model::NodeFilter;
use leoscope_core::ports::ControlPlane;
use leoscope_core::{Error, ErrorKind, Result};
use tokio::net::TcpStream;

use super::{Check, Finding};

/// How long a connection may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// The way to the orchestrator, up to a call that it answers.
pub(super) struct Orchestrator {
    pub(super) node: Result<NodeId>,
    pub(super) client: Result<ClientConfig>,
    pub(super) control: Result<Arc<dyn ControlPlane>>,
}

#[async_trait]
impl Check for Orchestrator {
    fn name(&self) -> &'static str {
        "orchestrator"
    }

    async fn look(&self) -> Finding {
        let (node, client, control) = match (&self.node, &self.client, &self.control) {
            (Ok(node), Ok(client), Ok(control)) => (node, client, control),
            (_, Err(error), _) | (Err(error), _, _) | (_, _, Err(error)) => return Finding::error(error),
        };
        let addresses = match client.addresses() {
            Ok(addresses) => addresses,
            Err(error) => return Finding::error(&error),
        };
        let mut reached = Vec::new();
        let mut unreached = Vec::new();
        for (host, port) in addresses {
            match reach(&host, port).await {
                Ok(()) => reached.push(format!("{host}:{port}")),
                Err(finding) => unreached.push(finding),
            }
        }
        match (unreached.into_iter().next(), &reached[..]) {
            (Some(finding), []) => finding,
            // The others of one testbed do as well; which they are is known then.
            (None | Some(_), _) => call(node, &**control, &reached.join(", ")).await,
        }
    }
}

/// Whether something listens there; else what to do.
async fn reach(host: &str, port: u16) -> Result<(), Finding> {
    let found = tokio::time::timeout(PATIENCE, tokio::net::lookup_host((host, port))).await;
    let found = found.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut)));
    let addresses: Vec<_> = match found {
        Ok(addresses) => addresses.collect(),
        Err(e) => {
            return Err(Finding::fail(
                format!("the name {host} cannot be resolved: {e}"),
                "check --grpc-host, and the name servers of this machine (/etc/resolv.conf)",
            ));
        }
    };
    let connected = tokio::time::timeout(PATIENCE, TcpStream::connect(&addresses[..])).await;
    match connected {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(e)) if e.kind() == io::ErrorKind::ConnectionRefused => Err(Finding::fail(
            format!("nothing listens at {host}:{port}"),
            "check --grpc-host and --grpc-port, and that the orchestrator is running; the node goes on with its last orders meanwhile",
        )),
        Ok(Err(e)) => Err(Finding::fail(
            format!("{host}:{port} cannot be reached: {e}"),
            "check that this machine is on the internet, and that no firewall is in between",
        )),
        Err(_) => Err(Finding::fail(
            format!("{host}:{port} does not answer within {} s", PATIENCE.as_secs()),
            "check that this machine is on the internet, and that no firewall drops what goes out to that port",
        )),
    }
}

/// Calls the orchestrator: its certificate must be trusted, and the token taken.
async fn call(node: &NodeId, control: &dyn ControlPlane, reached: &str) -> Finding {
    let filter = NodeFilter { id: Some(node.clone()), ..NodeFilter::default() };
    match control.nodes(&filter).await {
        Err(error) if error.kind() == ErrorKind::Unauthenticated => Finding::fail(
            format!("{reached} does not take the access token of node {node}"),
            "check --nodeid and the token; 'leoscope user token rotate --id=NODE' makes another one",
        ),
        // Something listens there: what is between us and an answer is the protection.
        Err(error) if error.kind() == ErrorKind::Unavailable => Finding::fail(
            error.message(),
            "check that --tls-cert is the file certs/server.crt in the state directory of this orchestrator; without --tls-cert its certificate must be one of a public authority for its name",
        ),
        Err(error) => Finding::error(&error),
        Ok(nodes) if nodes.is_empty() => Finding::fail(
            format!("{reached} knows no node {node}"),
            "register it: leoscope node register --nodeid=NODE --coords=LAT,LON",
        ),
        Ok(_) => {
            // The connection stands now.
            let begun = Instant::now();
            match control.nodes(&filter).await {
                Ok(_) => {
                    let millis = begun.elapsed().as_secs_f64() * 1e3;
                    Finding::ok(format!(
                        "{reached} is trusted, takes the token and answers in {millis:.1} ms"
                    ))
                }
                Err(error) => Finding::error(&error),
            }
        }
    }
}

/// Where the orchestrator keeps results.
pub(super) struct Artifacts {
    pub(super) control: Result<Arc<dyn ControlPlane>>,
}

/// How many bytes it is asked to keep for a moment.
const PROBE_BYTES: usize = 16 << 10;

#[async_trait]
impl Check for Artifacts {
    fn name(&self) -> &'static str {
        "artifact store"
    }

    async fn look(&self) -> Finding {
        let control = match &self.control {
            Ok(control) => control,
            Err(error) => return Finding::error(error),
        };
        match probe(&**control).await {
            Ok(true) => {
                Finding::ok(format!("gives back the {} kB that were written to it", PROBE_BYTES >> 10))
            }
            Ok(false) => Finding::fail(
                "gives back something else than what was written to it",
                "tell the operator of the orchestrator: results would be lost",
            ),
            Err(error) if error.kind() == ErrorKind::Unsupported => Finding::warn(
                error.message(),
                "nothing: this orchestrator is an older one, or of another make",
            ),
            Err(error) if error.kind() == ErrorKind::Internal => Finding::fail(
                error.message(),
                "tell the operator of the orchestrator; results wait on this node meanwhile",
            ),
            Err(error) => Finding::error(&error),
        }
    }
}

async fn probe(control: &dyn ControlPlane) -> Result<bool> {
    let mut content = vec![0; PROBE_BYTES];
    getrandom::fill(&mut content).map_err(|e| Error::while_doing("make random bytes", e))?;
    Ok(control.probe_artifacts(content.clone().into()).await? == content)
}
