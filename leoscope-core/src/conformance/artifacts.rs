//! Cases for the artifacts port.
