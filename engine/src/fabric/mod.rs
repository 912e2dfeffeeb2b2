//! The L2 world of a lab, made true in the kernel: a private network namespace that has no name on disk (the fabric)
//! with bridges, taps and veth ports, the lab's own namespaces, and the host's ends of networks.
//!
//! Whatever is made here lives only as long as the engine holds its file descriptors; the host's ends are veth links
//! whose other ends are in those namespaces, so they go with them.
//!
//! This folder knows plans and kernel interfaces. It must not know of lab files, of processes (QEMU, apps), of NAT or
//! of names under `/run/netns`: others use the handles it gives out. Every call that blocks runs on threads of its
//! own or on the runtime's blocking pool, never on a worker of the runtime.

mod build;
mod carrier;
mod counters;
mod error;
mod ifreq;
mod layout;
mod live;
mod netlink;
mod netns;
mod steps;
mod sysctl;
mod tap;
#[cfg(test)]
mod tests;

pub use counters::LinkCounters;
pub use error::FabricError;
pub use live::Fabric;
pub use netns::Netns;
pub use tap::Tap;
