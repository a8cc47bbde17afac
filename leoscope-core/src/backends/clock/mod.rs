//! Implementations of the clock port.
