//! Echo requests: ICMP (RFC 792) and ICMPv6 (RFC 4443).

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tokio::net::UdpSocket;

use super::probe::{NONCE, nonce};

/// The bytes of the header: type, code, checksum, identifier, number.
const HEADER: usize = 8;

/// The shortest header of IPv4 in bytes.
const IPV4_HEADER: usize = 20;

/// The longest packet that is read: a header of IPv4, and what we have sent.
const MAX_PACKET: usize = 60 + HEADER + NONCE;

/// Types of messages: RFC 792, "Echo or Echo Reply Message"; RFC 4443, section 4.
const REQUEST: u8 = 8;
const REPLY: u8 = 0;
const REQUEST_V6: u8 = 128;
const REPLY_V6: u8 = 129;

/// A socket for one echo request.
#[derive(Debug)]
pub(super) struct Echo {
    socket: UdpSocket,
    v6: bool,
}

impl Echo {
    /// One to `host`. Ping sockets need no right but that of `net.ipv4.ping_group_range` (icmp(7)); where
    /// that is not given a raw one is tried, which needs `CAP_NET_RAW`.
    pub(super) fn open(host: IpAddr) -> io::Result<Self> {
        let (domain, protocol) = match host {
            IpAddr::V4(_) => (Domain::IPV4, Protocol::ICMPV4),
            IpAddr::V6(_) => (Domain::IPV6, Protocol::ICMPV6),
        };
        let socket = Socket::new(domain, Type::DGRAM, Some(protocol))
            .or_else(|_| Socket::new(domain, Type::RAW, Some(protocol)))?;
        socket.set_nonblocking(true)?;
        // What comes from other hosts is not received. This waits for nothing; where there is no way to
        // the host, sending says so as well.
        let _ = socket.connect(&SockAddr::from(SocketAddr::new(host, 0)));
        Ok(Self { socket: UdpSocket::from_std(socket.into())?, v6: host.is_ipv6() })
    }

    /// How long it takes until the answer comes.
    pub(super) async fn round_trip(&self) -> io::Result<Duration> {
        let nonce = nonce()?;
        let begun = Instant::now();
        self.socket.send(&request(self.v6, &nonce)).await?;
        let mut packet = [0; MAX_PACKET];
        loop {
            let length = self.socket.recv(&mut packet).await?;
            if packet.get(..length).is_some_and(|packet| is_reply(self.v6, packet, &nonce)) {
                return Ok(begun.elapsed());
            }
        }
    }
}

/// A request with `nonce`. The identifier and the number of a request tell no more than that.
fn request(v6: bool, nonce: &[u8; NONCE]) -> Vec<u8> {
    let mut packet = vec![if v6 { REQUEST_V6 } else { REQUEST }, 0, 0, 0];
    // A raw socket gets the answers to every process: these differ.
    packet.extend_from_slice(&nonce[..4]);
    packet.extend_from_slice(nonce);
    if !v6 {
        // The kernel computes that of ICMPv6, which covers addresses that it chooses.
        let sum = checksum(&packet).to_be_bytes();
        packet[2..4].copy_from_slice(&sum);
    }
    packet
}

/// Whether a packet answers the request with `nonce`. Raw sockets for IPv4 give its header as well.
fn is_reply(v6: bool, packet: &[u8], nonce: &[u8; NONCE]) -> bool {
    let message = if v6 { packet } else { without_header(packet) };
    let reply = if v6 { REPLY_V6 } else { REPLY };
    message.first() == Some(&reply) && message.get(1) == Some(&0) && message.get(HEADER..) == Some(nonce)
}

/// What is behind the header of IPv4 (RFC 791, section 3.1), if there is one: it begins with the version
/// 4, and no message of ours does.
fn without_header(packet: &[u8]) -> &[u8] {
    let first = packet.first().copied().unwrap_or_default();
    let length = usize::from(first & 0x0f) * 4;
    if first >> 4 == 4 && length >= IPV4_HEADER { packet.get(length..).unwrap_or_default() } else { packet }
}

/// The checksum of the internet (RFC 1071).
fn checksum(packet: &[u8]) -> u16 {
    let words = packet.chunks(2).map(|pair| {
        u32::from(u16::from_be_bytes([
            pair.first().copied().unwrap_or_default(),
            pair.get(1).copied().unwrap_or_default(),
        ]))
    });
    let sum = words.fold(0_u32, u32::wrapping_add);
    let folded = (sum & 0xffff) + (sum >> 16);
    let folded = (folded & 0xffff) + (folded >> 16);
    !u16::try_from(folded).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_is_that_of_the_rfc() {
        // RFC 1071, section 3: the sum is ddf2.
        assert_eq!(checksum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), !0xddf2);
        // A packet with its checksum sums up to nothing.
        assert_eq!(checksum(&request(false, &[0xa5; NONCE])), 0);
        assert_eq!(checksum(&[0xff]), 0x00ff);
    }

    #[test]
    fn only_the_reply_to_the_own_request_is_one() {
        let nonce = [7; NONCE];
        for v6 in [false, true] {
            let request = request(v6, &nonce);
            assert!(!is_reply(v6, &request, &nonce), "loopback shows our own request as well");
            let mut reply = request.clone();
            reply[0] = if v6 { REPLY_V6 } else { REPLY };
            // Ping sockets have an identifier of the kernel's choice.
            reply[4..6].copy_from_slice(&[1, 2]);
            assert!(is_reply(v6, &reply, &nonce));
            assert!(!is_reply(v6, &reply, &[8; NONCE]), "that of another");
            assert!(!is_reply(v6, &reply[..reply.len() - 1], &nonce), "cut");
            assert!(!is_reply(!v6, &reply, &nonce));
        }
        let mut raw = vec![0x46; 1];
        raw.extend([0; 23]);
        let mut reply = request(false, &nonce);
        reply[0] = REPLY;
        raw.extend_from_slice(&reply);
        assert!(is_reply(false, &raw, &nonce), "behind a header with an option");
        assert!(!is_reply(false, &[0x4f; 4], &nonce));
        assert!(!is_reply(false, &[], &nonce));
    }
}
