//! Implementations of the artifacts port.

mod azure;
mod directory;

pub use azure::AzureStorage;
pub use directory::DirectoryStore;
