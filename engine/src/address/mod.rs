//! How a node's addresses become known: from the network-config of its seed, and from DHCP servers that are seen to give
//! it one.
//!
//! Nothing here knows of power, disks or who wants the addresses. A guest can lie about its address; nothing but where
//! `ssh` connects to depends on it.

mod dhcp;
mod filter;
mod seed;
mod sniff;

pub use dhcp::Lease;
pub use seed::addresses;
pub use sniff::{SniffError, Sniffer};
