//! Cases for the runtime port.
