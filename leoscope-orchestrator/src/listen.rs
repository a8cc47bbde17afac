use std::io;
use std::net::SocketAddr;

use leoscope_core::{Error, Result};
use tokio::net::{TcpListener, TcpSocket, lookup_host};

/// How many connections may wait to be accepted; a testbed's nodes all come back at once.
const BACKLOG: u32 = 4096;

/// Listens on the first address of `host` that can be had, IPv4 before IPv6.
pub(crate) async fn listen(host: &str, port: u16) -> Result<TcpListener> {
    listen_for(host, port, ["--grpc-hostname", "--grpc-port"]).await
}

/// [Listens](listen) on `HOST:PORT` for those who ask what was counted.
pub(crate) async fn listen_for_metrics(place: &str) -> Result<TcpListener> {
    let fault = || {
        Error::invalid(format!("{place:?} is no place to listen on"))
            .hint("give --metrics-address as HOST:PORT, for example 127.0.0.1:9464")
    };
    let (host, port) = place.rsplit_once(':').ok_or_else(fault)?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    listen_for(host, port.parse().map_err(|_| fault())?, ["--metrics-address"; 2]).await
}

async fn listen_for(host: &str, port: u16, [host_option, port_option]: [&str; 2]) -> Result<TcpListener> {
    let found = lookup_host((host, port)).await.map_err(|e| {
        Error::invalid(format!("cannot listen on {host}: {e}"))
            .hint(format!("check {host_option}: a name or an address of this machine, 0.0.0.0 for all"))
    })?;
    let mut addresses: Vec<SocketAddr> = found.collect();
    addresses.sort_by_key(SocketAddr::is_ipv6);
    let mut failure = Error::invalid(format!("cannot listen on {host}: it has no address"));
    for address in addresses {
        match bind(address) {
            Ok(listener) => return Ok(listener),
            Err(e) => failure = fault(address, &e, [host_option, port_option]),
        }
    }
    Err(failure)
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv6() { TcpSocket::new_v6() } else { TcpSocket::new_v4() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn fault(address: SocketAddr, e: &io::Error, [host_option, port_option]: [&str; 2]) -> Error {
    let hint = match e.kind() {
        io::ErrorKind::AddrInUse => {
            format!("another program has the port: stop it, or choose another with {port_option}")
        }
        io::ErrorKind::PermissionDenied => format!("choose a port from 1024 up with {port_option}"),
        _ => format!("check {host_option}: a name or an address of this machine, 0.0.0.0 for all"),
    };
    Error::unavailable(format!("cannot listen on {address}: {e}")).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_port_that_is_taken_is_named() {
        let first = listen("localhost", 0).await.expect("listener");
        let address = first.local_addr().expect("address");
        let error = listen("127.0.0.1", address.port()).await.expect_err("taken");
        assert!(error.message().starts_with(&format!("cannot listen on {address}: ")), "{error}");
        assert!(error.what_to_do().is_some_and(|hint| hint.contains("--grpc-port")));
        let error = listen("192.0.2.1", 0).await.expect_err("not ours");
        assert!(error.message().starts_with("cannot listen on 192.0.2.1:0: "), "{error}");
    }
}
