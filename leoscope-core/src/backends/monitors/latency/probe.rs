//! Probes by TCP and UDP.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use tokio::net::{TcpStream, UdpSocket};

/// The bytes of a probe: enough that no other packet has the same.
pub(super) const NONCE: usize = 16;

/// Something that no other probe has.
pub(super) fn nonce() -> io::Result<[u8; NONCE]> {
    let mut nonce = [0; NONCE];
    getrandom::fill(&mut nonce).map_err(io::Error::other)?;
    Ok(nonce)
}

/// How long it takes until a connection is made.
pub(super) async fn connect(address: SocketAddr) -> io::Result<Duration> {
    let begun = Instant::now();
    TcpStream::connect(address).await.map(|_| begun.elapsed())
}

/// How long it takes until a packet comes back.
pub(super) async fn echo(address: SocketAddr) -> io::Result<Duration> {
    let any: IpAddr =
        if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).await?;
    // What comes from elsewhere is not received.
    socket.connect(address).await?;
    let nonce = nonce()?;
    let begun = Instant::now();
    socket.send(&nonce).await?;
    let mut received = [0; NONCE + 1];
    loop {
        let length = socket.recv(&mut received).await?;
        if received.get(..length) == Some(&nonce) {
            return Ok(begun.elapsed());
        }
    }
}
