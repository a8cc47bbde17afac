//! Cases for the store port.
