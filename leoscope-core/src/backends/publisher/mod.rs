//! Implementations of the publisher port.

mod mqtt;

pub use mqtt::MqttPublisher;
