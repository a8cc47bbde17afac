//! Connections to web services, with TLS or without.

use std::error::Error as Source;
use std::time::Duration;

use hyper_rustls::builderstates::WantsSchemes;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::crypto::ring;

use crate::error::{Error, Result};

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);

/// What makes connections for `what`.
///
/// Neither proxies nor certificates are taken from the environment: as for the orchestrator, the address
/// is connected to, and the certificates that browsers trust are built in.
pub(super) fn connector(what: &str) -> Result<HttpsConnector<HttpConnector>> {
    let tls = HttpsConnectorBuilder::new().with_provider_and_webpki_roots(ring::default_provider());
    tls.map(over_tcp).map_err(|e| Error::while_doing(format!("set up TLS for {what}"), e))
}

fn over_tcp(tls: HttpsConnectorBuilder<WantsSchemes>) -> HttpsConnector<HttpConnector> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT));
    tls.https_or_http().enable_http1().wrap_connector(tcp)
}

/// An error with all its causes. Those of the HTTP library do not hold the address of the request.
pub(super) fn chain(error: &dyn Source) -> String {
    let causes = std::iter::successors(error.source(), |cause: &&(dyn Source + 'static)| (*cause).source());
    std::iter::once(error.to_string()).chain(causes.map(ToString::to_string)).collect::<Vec<_>>().join(": ")
}

/// The host, and the port if there is one, of a web address: what may be said of it.
pub(super) fn host(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    rest.split(['/', '?']).next().unwrap_or(rest)
}

#[cfg(test)]
mod tests;
