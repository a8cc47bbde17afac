//! What counts the traffic of network interfaces.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use crate::error::{Error, Result};
use crate::model::Traffic;
use crate::ports::TrafficMeter;

/// Where the kernel tells of its interfaces.
const INTERFACES: &str = "/sys/class/net";

/// What the kernel of this host counts.
#[derive(Debug, Clone, Copy, Default)]
pub struct KernelMeter;

impl KernelMeter {
    fn read(interface: &str) -> Result<Option<Traffic>> {
        let (received, sent) = (Self::counter(interface, "rx_bytes")?, Self::counter(interface, "tx_bytes")?);
        Ok(received.zip(sent).map(|(received, sent)| Traffic { received, sent }))
    }

    fn counter(interface: &str, counter: &str) -> Result<Option<u64>> {
        let path = Path::new(INTERFACES).join(interface).join("statistics").join(counter);
        let fault = |e: &dyn std::fmt::Display| Error::while_doing(format!("read {}", path.display()), e);
        match std::fs::read_to_string(&path) {
            // An interface that is taken away while its counter is read is no valid one.
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::InvalidInput) => Ok(None),
            Err(e) => Err(fault(&e)),
            Ok(text) => text.trim().parse().map(Some).map_err(|e| fault(&e)),
        }
    }
}

#[async_trait]
impl TrafficMeter for KernelMeter {
    async fn bytes(&self, interface: &str) -> Result<Option<Traffic>> {
        // The kernel answers from memory.
        Self::read(interface)
    }
}

/// A meter that shows what it is told, for simulations. A clone shows the same.
#[derive(Debug, Clone, Default)]
pub struct ManualMeter {
    interfaces: Arc<Mutex<BTreeMap<String, Traffic>>>,
}

impl ManualMeter {
    /// Lets an interface have moved that much so far, or with `None` not be there.
    pub fn set(&self, interface: &str, moved: Option<Traffic>) {
        let mut interfaces = self.interfaces.lock().unwrap_or_else(PoisonError::into_inner);
        match moved {
            Some(moved) => drop(interfaces.insert(interface.to_owned(), moved)),
            None => drop(interfaces.remove(interface)),
        }
    }
}

#[async_trait]
impl TrafficMeter for ManualMeter {
    async fn bytes(&self, interface: &str) -> Result<Option<Traffic>> {
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
        let moved = after.since(before).expect("counters grow");
        assert!(moved.sent >= 100_000 && moved.received >= 100_000, "{moved:?}");
        assert_eq!(KernelMeter.bytes("none-of-mine").await.expect("meter"), None);
    }

    #[tokio::test]
    async fn a_manual_meter_shows_what_it_is_told() {
        let meter = ManualMeter::default();
        assert_eq!(meter.bytes("eth0").await.expect("meter"), None);
        let moved = Traffic { received: 7, sent: 3 };
        meter.clone().set("eth0", Some(moved));
        assert_eq!(meter.bytes("eth0").await.expect("meter"), Some(moved));
        meter.set("eth0", None);
        assert_eq!(meter.bytes("eth0").await.expect("meter"), None);
    }
}
