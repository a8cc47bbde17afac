//! Implementations of the [`Routes`](crate::ports::Routes) port.

mod memory;
mod netlink;

pub use memory::MemoryRoutes;
pub use netlink::NetlinkRoutes;
