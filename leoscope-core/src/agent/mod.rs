//! The use-cases of a measurement node.
