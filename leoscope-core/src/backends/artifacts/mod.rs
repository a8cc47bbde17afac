//! Implementations of the artifacts port.

mod directory;

pub use directory::DirectoryStore;
