//! A route that the experiments of a node need.

use core::net::IpAddr;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// The longest name of a network interface.
const MAX_DEVICE: usize = 15;

/// Where packets for some addresses leave the host. Made by [`Route::new`] alone: the address has
/// no bits beyond the prefix, and the gateway is of the same family.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    address: IpAddr,
    prefix: u8,
    gateway: Option<IpAddr>,
    device: String,
}

/// A route as the executor config has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RouteText {
    ip: String,
    gateway: Option<String>,
    dev: String,
}

impl Route {
    /// The route to `destination` (an address, or a prefix like `192.0.2.0/24`) over the interface
    /// `device`, by way of `gateway` unless that is `None`.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) that names the value.
    pub fn new(destination: &str, gateway: Option<&str>, device: &str) -> Result<Self, Error> {
        let (address, prefix) = parse_destination(destination)?;
        let gateway = gateway.map(|text| parse_gateway(text, address)).transpose()?;
        let is_name = |c: char| c.is_ascii_graphic() && !matches!(c, '/' | ':' | '%');
        if device.is_empty() || device.len() > MAX_DEVICE || !device.chars().all(is_name) {
            return Err(Error::invalid(format!("route dev {device:?} is not the name of an interface"))
                .hint("'ip link' lists them"));
        }
        if matches!(device, "." | "..") {
            return Err(Error::invalid(format!("route dev {device:?} is not the name of an interface")));
        }
        Ok(Self { address, prefix, gateway, device: device.to_owned() })
    }

    /// The first address of the destination.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// How many leading bits of the address the destinations have in common.
    pub fn prefix(&self) -> u8 {
        self.prefix
    }

    /// The router that the packets are handed to; the destination itself when `None`.
    pub fn gateway(&self) -> Option<IpAddr> {
        self.gateway
    }

    /// The interface they leave by.
    pub fn device(&self) -> &str {
        &self.device
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, prefix, gateway, device } = self;
        write!(f, "{address}/{prefix}")?;
        if let Some(gateway) = gateway {
            write!(f, " via {gateway}")?;
        }
        write!(f, " dev {device}")
    }
}

impl RouteText {
    pub(super) fn parse(self) -> Result<Route, Error> {
        let Self { ip, gateway, dev } = self;
        // Configs that are filled in by scripts have an empty text for no gateway.
        let gateway = gateway.filter(|text| !text.trim().is_empty());
        Route::new(ip.trim(), gateway.as_deref().map(str::trim), dev.trim())
    }
}

fn parse_destination(text: &str) -> Result<(IpAddr, u8), Error> {
    let fault = |what: &str| {
        Error::invalid(format!("route ip {text:?} {what}"))
            .hint("give an address, or a prefix like 192.0.2.0/24 or 2001:db8::/48")
    };
    let (address, prefix) = match text.split_once('/') {
        None => (text, None),
        Some((address, prefix)) => (address, Some(prefix)),
    };
    let address: IpAddr = address.parse().map_err(|_| fault("is not an address"))?;
    let bits = if address.is_ipv4() { 32 } else { 128 };
    let prefix = match prefix {
        None => bits,
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
            digits.parse().ok().filter(|prefix| *prefix <= bits).ok_or_else(|| fault("has no such prefix"))?
        }
        Some(_) => return Err(fault("has no such prefix")),
    };
    if host_bits(address, prefix) != 0 {
        return Err(fault("has bits beyond its prefix"));
    }
    if address.is_multicast() {
        return Err(fault("is for groups, not for hosts"));
    }
    Ok((address, prefix))
}

/// The bits of `address` beyond the prefix.
fn host_bits(address: IpAddr, prefix: u8) -> u128 {
    // A mask of all bits is shifted out whole where the prefix is as long as the address.
    match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits() & u32::MAX.checked_shr(prefix.into()).unwrap_or_default()),
        IpAddr::V6(v6) => v6.to_bits() & u128::MAX.checked_shr(prefix.into()).unwrap_or_default(),
    }
}

fn parse_gateway(text: &str, destination: IpAddr) -> Result<IpAddr, Error> {
    let gateway: IpAddr =
        text.parse().map_err(|_| Error::invalid(format!("route gateway {text:?} is not an address")))?;
    if gateway.is_ipv4() != destination.is_ipv4() {
        return Err(Error::invalid(format!(
            "route gateway {gateway} is of another family than {destination}"
        ))
        .hint("give both as IPv4, or both as IPv6"));
    }
    if gateway.is_unspecified() || gateway.is_multicast() {
        return Err(Error::invalid(format!("route gateway {gateway} is not the address of a host")));
    }
    Ok(gateway)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_are_read_as_operators_write_them() {
        for (destination, gateway, expected) in [
            ("192.0.2.0/24", Some("198.51.100.1"), "192.0.2.0/24 via 198.51.100.1 dev eth0"),
            ("192.0.2.7", None, "192.0.2.7/32 dev eth0"),
            ("0.0.0.0/0", Some("198.51.100.1"), "0.0.0.0/0 via 198.51.100.1 dev eth0"),
            ("2001:db8::/48", Some("fe80::1"), "2001:db8::/48 via fe80::1 dev eth0"),
            ("::/0", None, "::/0 dev eth0"),
            ("2001:db8::1", None, "2001:db8::1/128 dev eth0"),
        ] {
            let route = Route::new(destination, gateway, "eth0").expect(destination);
            assert_eq!(route.to_string(), expected);
        }
    }

    #[test]
    fn what_is_no_route_is_refused_by_its_value() {
        for (destination, gateway, device, named) in [
            ("", None, "eth0", "route ip \"\""),
            ("example.org", None, "eth0", "example.org"),
            ("192.0.2.1/24", None, "eth0", "beyond its prefix"),
            ("192.0.2.0/33", None, "eth0", "no such prefix"),
            ("192.0.2.0/+8", None, "eth0", "no such prefix"),
            ("192.0.2.0/", None, "eth0", "no such prefix"),
            ("2001:db8::1/64", None, "eth0", "beyond its prefix"),
            ("2001:db8::/129", None, "eth0", "no such prefix"),
            ("224.0.0.0/4", None, "eth0", "groups"),
            ("192.0.2.0/24", Some("fe80::1"), "eth0", "another family"),
            ("192.0.2.0/24", Some("router"), "eth0", "route gateway \"router\""),
            ("192.0.2.0/24", Some("0.0.0.0"), "eth0", "not the address of a host"),
            ("192.0.2.0/24", None, "", "route dev \"\""),
            ("192.0.2.0/24", None, "eth0; reboot", "route dev"),
            ("192.0.2.0/24", None, "a-name-that-is-too-long", "route dev"),
            ("192.0.2.0/24", None, "../eth0", "route dev"),
            ("192.0.2.0/24", None, "..", "route dev"),
            ("192.0.2.0/24", None, "eth\0", "route dev"),
        ] {
            let error = Route::new(destination, gateway, device).expect_err(destination);
            assert!(error.message().contains(named), "{error}");
        }
    }
}
