//! Implementations of the artifacts port.
