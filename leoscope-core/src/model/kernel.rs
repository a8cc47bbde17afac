//! Kernel settings that experiments may change, and where they ask for it.

use core::net::SocketAddr;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// The longest name that the kernel gives to a congestion control.
const MAX_CONTROL: usize = 15;
/// The longest name of a parameter that is taken.
const MAX_PARAMETER: usize = 64;

/// The name of a TCP congestion control, like `cubic`: letters, digits, `_` and `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CongestionControl(String);

impl CongestionControl {
    /// Reads a name; `None` when it cannot be one.
    pub fn parse(text: &str) -> Option<Self> {
        let is_part = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
        let fits = (1..=MAX_CONTROL).contains(&text.len()) && text.bytes().all(is_part);
        fits.then(|| Self(text.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CongestionControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a parameter of a congestion control's module: letters, digits and `_`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Parameter(String);

impl Parameter {
    /// Reads a name; `None` when it cannot be one.
    pub fn parse(text: &str) -> Option<Self> {
        let is_part = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        let fits = (1..=MAX_PARAMETER).contains(&text.len()) && text.bytes().all(is_part);
        fits.then(|| Self(text.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A kernel setting that experiments may change; there are no others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KernelSetting {
    /// The congestion control that TCP connections begin with.
    CongestionControl,
    /// A parameter of the module `tcp_bbr2`.
    Bbr2(Parameter),
}

impl fmt::Display for KernelSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CongestionControl => f.write_str("net.ipv4.tcp_congestion_control"),
            Self::Bbr2(parameter) => {
                write!(f, "/sys/module/tcp_bbr2/parameters/{}", parameter.as_str())
            }
        }
    }
}

/// Where the node listens for experiments that want to change kernel settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KernelService {
    /// The address and port.
    pub listen: SocketAddr,
}

/// The kernel service as the executor config has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KernelText {
    listen: String,
    #[serde(default)]
    all_addresses: bool,
}

impl KernelText {
    pub(super) fn parse(self) -> Result<KernelService, Error> {
        let Self { listen, all_addresses } = self;
        let listen: SocketAddr = listen.trim().parse().map_err(|_| {
            Error::invalid(format!("kernel.listen {listen:?} is not an address with a port"))
                .hint("give the node's address on the network of the experiments, like 172.18.0.1:9000")
        })?;
        if listen.port() == 0 {
            return Err(Error::invalid(format!("kernel.listen {listen} has no port that can be known")));
        }
        if listen.ip().to_canonical().is_unspecified() && !all_addresses {
            return Err(Error::invalid(format!("kernel.listen {listen} is reachable from every network"))
                .hint(
                    "give the node's address on the network of the experiments, or say all_addresses: true",
                ));
        }
        Ok(KernelService { listen })
    }
}
