//! Further addresses of the host's own links, for what a lab serves there.
//!
//! They need no entry in the lab's record: an address goes with its link, and that is recorded.

use std::{io, net::IpAddr};

use netlink_packet_core::{NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    address::{AddressAttribute, AddressFlags, AddressHeaderFlags, AddressMessage},
};
use nix::ifaddrs::getifaddrs;

use super::link;

/// Why an address could not be added or removed.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// It is there already.
    #[error("the host has the address {address} on its link {link:?} already")]
    Taken {
        /// The address.
        address: IpAddr,
        /// Which link has it.
        link: String,
    },
    /// The kernel refused.
    #[error("the address {address} can't be changed on the host's link {link:?}: {source}")]
    Kernel {
        /// The address.
        address: IpAddr,
        /// The link.
        link: String,
        /// Why.
        source: io::Error,
    },
}

/// Adds an address to a link of the host, for that address alone: routes stay as they are. It can be used at once.
/// Blocks.
pub fn add(link: &str, address: IpAddr) -> Result<(), AddressError> {
    if let Some(link) = owner(address) {
        return Err(AddressError::Taken { address, link });
    }
    let flags = NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
    change(link, address, RouteNetlinkMessage::NewAddress, flags)
}

/// Removes an address that was added. Blocks.
pub fn remove(link: &str, address: IpAddr) -> Result<(), AddressError> {
    change(link, address, RouteNetlinkMessage::DelAddress, NLM_F_ACK)
}

fn change(
    link: &str,
    address: IpAddr,
    request: fn(AddressMessage) -> RouteNetlinkMessage,
    flags: u16,
) -> Result<(), AddressError> {
    let asked = || {
        let found = link::find(link)?.ok_or_else(|| io::Error::from_raw_os_error(libc::ENODEV))?;
        link::ask(request(message(found.header.index, address)), flags).map(drop)
    };
    asked().map_err(|source| AddressError::Kernel {
        address,
        link: link.to_owned(),
        source,
    })
}

fn message(index: u32, address: IpAddr) -> AddressMessage {
    let mut message = AddressMessage::default();
    (message.header.family, message.header.prefix_len) = match address {
        IpAddr::V4(_) => (AddressFamily::Inet, 32),
        IpAddr::V6(_) => (AddressFamily::Inet6, 128),
    };
    message.header.index = index;
    message.attributes = vec![AddressAttribute::Local(address), AddressAttribute::Address(address)];
    if address.is_ipv6() {
        // Both places: older kernels read the header's eight bits only.
        message.header.flags = AddressHeaderFlags::Nodad;
        message.attributes.push(AddressAttribute::Flags(AddressFlags::Nodad));
    }
    message
}

/// The link of the host that has an address.
fn owner(address: IpAddr) -> Option<String> {
    let found = getifaddrs().ok()?.find(|interface| {
        let known = interface.address.as_ref();
        let v4 = known
            .and_then(|known| known.as_sockaddr_in())
            .map(|known| IpAddr::from(known.ip()));
        let v6 = known
            .and_then(|known| known.as_sockaddr_in6())
            .map(|known| IpAddr::from(known.ip()));
        v4.or(v6) == Some(address)
    });
    found.map(|interface| interface.interface_name)
}
