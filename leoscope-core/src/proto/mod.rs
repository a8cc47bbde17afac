//! The protocol: generated code and conversions.
