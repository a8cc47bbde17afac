use std::io;
use std::net::SocketAddr;

use leoscope_core::{Error, Result};
use tokio::net::{TcpListener, TcpSocket, lookup_host};

/// How many connections may wait to be accepted; a testbed's nodes all come back at once.
const BACKLOG: u32 = 4096;

/// Listens on the first address of `host` that can be had, IPv4 before IPv6.
pub(crate) async fn listen(host: &str, port: u16) -> Result<TcpListener> {
    let found = lookup_host((host, port)).await.map_err(|e| {
        Error::invalid(format!("cannot listen on {host}: {e}"))
            .hint("check --grpc-hostname: a name or an address of this machine, 0.0.0.0 for all")
    })?;
    let mut addresses: Vec<SocketAddr> = found.collect();
    addresses.sort_by_key(SocketAddr::is_ipv6);
    let mut failure = Error::invalid(format!("cannot listen on {host}: it has no address"));
    for address in addresses {
        match bind(address) {
            Ok(listener) => return Ok(listener),
            Err(e) => failure = fault(address, &e),
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

fn fault(address: SocketAddr, e: &io::Error) -> Error {
    let hint = match e.kind() {
        io::ErrorKind::AddrInUse => {
            "another program has the port: stop it, or choose another with --grpc-port"
        }
        io::ErrorKind::PermissionDenied => "choose a port from 1024 up with --grpc-port",
        _ => "check --grpc-hostname: a name or an address of this machine, 0.0.0.0 for all",
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
