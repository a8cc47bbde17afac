//! Implementations of the runtime port.
