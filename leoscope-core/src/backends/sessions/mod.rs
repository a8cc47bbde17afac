//! Implementations of the sessions port.

mod memcached;
mod memory;

pub use memcached::MemcachedSessions;
pub use memory::MemorySessions;
