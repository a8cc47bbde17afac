//! Traffic of network interfaces.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use crate::error::{Error, Result};
use crate::ports::TrafficMeter;

/// Where the kernel tells of its interfaces.
const INTERFACES: &str = "/sys/class/net";

/// What the kernel of this host counts.
#[derive(Debug, Clone, Copy, Default)]
pub struct KernelMeter;

impl KernelMeter {
    fn read(interface: &str) -> Result<Option<u64>> {
        let mut bytes = 0_u64;
        for counter in ["rx_bytes", "tx_bytes"] {
            let path = Path::new(INTERFACES).join(interface).join("statistics").join(counter);
            let text = match std::fs::read_to_string(&path) {
                // An interface that is taken away while its counter is read is no valid one.
                Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::InvalidInput) => {
                    return Ok(None);
                }
                text => text.map_err(|e| Error::while_doing(format!("read {}", path.display()), e))?,
            };
            let counted = text.trim().parse::<u64>();
            bytes = bytes.saturating_add(
                counted.map_err(|e| Error::while_doing(format!("read {}", path.display()), e))?,
            );
        }
        Ok(Some(bytes))
    }
}

#[async_trait]
impl TrafficMeter for KernelMeter {
    async fn bytes(&self, interface: &str) -> Result<Option<u64>> {
        // The kernel answers from memory.
        Self::read(interface)
    }
}

/// A meter that shows what it is told, for simulations. A clone shows the same.
#[derive(Debug, Clone, Default)]
pub struct ManualMeter {
    interfaces: Arc<Mutex<BTreeMap<String, u64>>>,
}

impl ManualMeter {
    /// Lets an interface have moved that many bytes so far, or with `None` not be there.
    pub fn set(&self, interface: &str, bytes: Option<u64>) {
        let mut interfaces = self.interfaces.lock().unwrap_or_else(PoisonError::into_inner);
        match bytes {
            Some(bytes) => drop(interfaces.insert(interface.to_owned(), bytes)),
            None => drop(interfaces.remove(interface)),
        }
    }
}

#[async_trait]
impl TrafficMeter for ManualMeter {
    async fn bytes(&self, interface: &str) -> Result<Option<u64>> {
        let interfaces = self.interfaces.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(interfaces.get(interface).copied())
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;

    #[tokio::test]
    async fn the_kernel_counts_what_goes_over_an_interface() {
        let before = KernelMeter.bytes("lo").await.expect("meter").expect("loopback is always there");
        let socket = UdpSocket::bind("127.0.0.1:0").expect("socket");
        let (address, packet) = (socket.local_addr().expect("address"), [0; 1000]);
        for _ in 0..100 {
            socket.send_to(&packet, address).expect("send");
        }
        let after = KernelMeter.bytes("lo").await.expect("meter").expect("loopback is always there");
        // Each is sent and received.
        assert!(after - before >= 200_000, "{before} to {after}");
        assert_eq!(KernelMeter.bytes("none-of-mine").await.expect("meter"), None);
    }

    #[tokio::test]
    async fn a_manual_meter_shows_what_it_is_told() {
        let meter = ManualMeter::default();
        assert_eq!(meter.bytes("eth0").await.expect("meter"), None);
        meter.clone().set("eth0", Some(7));
        assert_eq!(meter.bytes("eth0").await.expect("meter"), Some(7));
        meter.set("eth0", None);
        assert_eq!(meter.bytes("eth0").await.expect("meter"), None);
    }
}
