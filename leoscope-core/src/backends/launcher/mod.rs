//! Implementations of the launcher port.
