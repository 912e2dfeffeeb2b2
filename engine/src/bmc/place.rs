//! Where a BMC is on its network.

use std::net::IpAddr;

/// Where a BMC is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its address.
    pub address: IpAddr,
    /// Length of its network's prefix.
    pub prefix: u8,
    /// MAC of the interface that has the address.
    pub mac: [u8; 6],
}
