//! Counters of all links of a namespace, by one dump.
//!
//! Read by hand: of `struct rtnl_link_stats64`, which grows with the kernel, only the first four numbers are needed.

use std::{collections::HashMap, io};

use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST};

use super::{
    reply::{HEADER, NLMSG_ERROR, RTM_NEWLINK, attributes, messages, u16_at, u32_at},
    socket::{ANSWER, NetlinkError, Socket},
};

/// Asks for a link, or for all of them.
const RTM_GETLINK: u16 = 18;
/// The end of a dump.
const NLMSG_DONE: u16 = 3;
/// Length of `struct ifinfomsg`.
const INFO: usize = 16;
/// Attribute: the name.
const IFLA_IFNAME: u16 = 3;
/// Attribute: the counters.
const IFLA_STATS64: u16 = 23;
/// The bits of an attribute's kind that are no flags.
const KIND: u16 = 0x3fff;

/// What went over a link, as the kernel counts at that link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Packets received.
    pub rx_packets: u64,
    /// Packets sent.
    pub tx_packets: u64,
    /// Bytes received.
    pub rx_bytes: u64,
    /// Bytes sent.
    pub tx_bytes: u64,
    /// Switched on, with a carrier.
    pub up: bool,
}

impl Socket {
    /// Returns the counters of every link in the socket's namespace, by name.
    pub fn traffic(&mut self) -> Result<HashMap<String, Traffic>, NetlinkError> {
        let failed = |operation| move |source| NetlinkError::Socket { operation, source };
        self.sequence = self.sequence.wrapping_add(1);
        let request = request(self.sequence);
        self.socket.send(&request, 0).map_err(failed("ask for counters"))?;
        let mut links = HashMap::new();
        let mut answer = Vec::with_capacity(ANSWER);
        loop {
            answer.clear();
            // The kernel makes the next part while this one is taken.
            let received = self.socket.recv(&mut answer, libc::MSG_DONTWAIT);
            received.map_err(failed("receive counters"))?;
            for message in messages(&answer).filter(|message| u32_at(message, 8) == Some(self.sequence)) {
                let payload = message.get(HEADER..).unwrap_or_default();
                match u16_at(message, 4) {
                    Some(RTM_NEWLINK) => links.extend(link(payload)),
                    Some(NLMSG_DONE) => return Ok(links),
                    Some(NLMSG_ERROR) => {
                        let code = u32_at(payload, 0).map_or(libc::EPROTO, |code| code.cast_signed().saturating_neg());
                        return Err(failed("ask for counters")(io::Error::from_raw_os_error(code)));
                    }
                    _ => {}
                }
            }
        }
    }
}

/// A dump of all links: a `struct nlmsghdr` and an empty `struct ifinfomsg`.
fn request(sequence: u32) -> [u8; HEADER + INFO] {
    const LENGTH: u32 = 32;
    const { assert!(HEADER + INFO == LENGTH as usize) };
    let mut bytes = [0; HEADER + INFO];
    bytes[..4].copy_from_slice(&LENGTH.to_ne_bytes());
    bytes[4..6].copy_from_slice(&RTM_GETLINK.to_ne_bytes());
    bytes[6..8].copy_from_slice(&(NLM_F_REQUEST | NLM_F_DUMP).to_ne_bytes());
    bytes[8..12].copy_from_slice(&sequence.to_ne_bytes());
    bytes
}

/// Name and counters of the link that a message describes.
fn link(payload: &[u8]) -> Option<(String, Traffic)> {
    const UP: u32 = libc::IFF_UP.cast_unsigned() | libc::IFF_LOWER_UP.cast_unsigned();
    let mut traffic = Traffic {
        up: u32_at(payload, 8)? & UP == UP,
        ..Traffic::default()
    };
    let mut name = None;
    for (kind, value) in attributes(payload.get(INFO..)?) {
        match kind & KIND {
            IFLA_IFNAME => name = Some(String::from_utf8_lossy(value).trim_end_matches('\0').to_owned()),
            IFLA_STATS64 => {
                let number = |n: usize| Some(u64::from_ne_bytes(*value.get(8 * n..)?.first_chunk()?));
                traffic.rx_packets = number(0)?;
                traffic.tx_packets = number(1)?;
                traffic.rx_bytes = number(2)?;
                traffic.tx_bytes = number(3)?;
            }
            _ => {}
        }
    }
    Some((name?, traffic))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_links_of_this_namespace_are_there() {
        let traffic = Socket::open().unwrap().traffic().unwrap();
        assert!(traffic.contains_key("lo"), "{traffic:?}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            link(&bytes);
        }
    }
}
