//! DHCP acknowledgements (RFC 2131, RFC 2132), as they stand in IPv4 packets.

use std::net::Ipv4Addr;

use crate::plan::Mac;

/// UDP's number among the protocols of IPv4.
const UDP: u8 = 17;
/// Bytes of a UDP header.
const UDP_HEADER: usize = 8;
/// The port of DHCP clients.
const CLIENT_PORT: u16 = 68;
/// `op` of what servers send.
const BOOT_REPLY: u8 = 2;
/// `htype` of Ethernet, with addresses of six bytes.
const ETHERNET: [u8; 2] = [1, 6];
/// Where a message's own address stands (`yiaddr`).
const YOUR_ADDRESS: usize = 16;
/// Where the client's hardware address stands (`chaddr`).
const HARDWARE_ADDRESS: usize = 28;
/// Where the options begin, with the cookie that says that there are any.
const OPTIONS: usize = 236;
const COOKIE: [u8; 4] = [99, 130, 83, 99];
const PAD: u8 = 0;
const END: u8 = 255;
/// The option that tells the type of a message, and its value for an acknowledgement.
const MESSAGE_TYPE: u8 = 53;
const ACK: u8 = 5;

/// An address that a DHCP server gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Who has it.
    pub mac: Mac,
    /// The address.
    pub address: Ipv4Addr,
}

/// Returns what an IPv4 packet tells if it is a DHCP acknowledgement that gives an address.
pub fn lease(packet: &[u8]) -> Option<Lease> {
    message(udp(packet)?)
}

/// Returns the payload of a UDP datagram to DHCP's client port that is not a fragment.
fn udp(packet: &[u8]) -> Option<&[u8]> {
    let first = *packet.first()?;
    let header = usize::from(first & 0xf) * 4;
    let fragment = u16::from_be_bytes(bytes(packet, 6)?) & 0x3fff;
    if first >> 4 != 4 || header < 20 || fragment != 0 || *packet.get(9)? != UDP {
        return None;
    }
    let datagram = packet.get(header..)?;
    if u16::from_be_bytes(bytes(datagram, 2)?) != CLIENT_PORT {
        return None;
    }
    let length = usize::from(u16::from_be_bytes(bytes(datagram, 4)?));
    datagram.get(UDP_HEADER..length)
}

fn message(message: &[u8]) -> Option<Lease> {
    let ethernet = bytes(message, 1)? == ETHERNET;
    let address = Ipv4Addr::from(bytes::<4>(message, YOUR_ADDRESS)?);
    let usable = !address.is_unspecified() && !address.is_loopback() && !address.is_multicast();
    let reply = *message.first()? == BOOT_REPLY && bytes(message, OPTIONS)? == COOKIE;
    let acknowledged = option(message.get(OPTIONS + COOKIE.len()..)?, MESSAGE_TYPE)? == [ACK];
    (ethernet && usable && !address.is_broadcast() && reply && acknowledged).then_some(Lease {
        mac: Mac(bytes(message, HARDWARE_ADDRESS)?),
        address,
    })
}

/// Returns the value of an option.
fn option(mut options: &[u8], wanted: u8) -> Option<&[u8]> {
    loop {
        match *options {
            [PAD, ref rest @ ..] => options = rest,
            [END, ..] => return None,
            [code, length, ref rest @ ..] => {
                let value = rest.get(..usize::from(length))?;
                if code == wanted {
                    return Some(value);
                }
                options = rest.get(usize::from(length)..)?;
            }
            _ => return None,
        }
    }
}

fn bytes<const N: usize>(from: &[u8], at: usize) -> Option<[u8; N]> {
    from.get(at..)?.first_chunk().copied()
}

#[cfg(test)]
pub mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An acknowledgement, with options before the one that tells its type.
    pub fn packet(mac: [u8; 6], address: [u8; 4], kind: u8) -> Vec<u8> {
        let mut message = vec![BOOT_REPLY, 1, 6, 0];
        message.resize(YOUR_ADDRESS, 0);
        message.extend(address);
        message.resize(HARDWARE_ADDRESS, 0);
        message.extend(mac);
        message.resize(OPTIONS, 0);
        message.extend(COOKIE);
        message.extend([PAD, 54, 4, 10, 0, 0, 1, MESSAGE_TYPE, 1, kind, END]);
        let length = u16::try_from(message.len() + UDP_HEADER).unwrap();
        let mut packet = vec![0x45, 0];
        packet.extend((length + 20).to_be_bytes());
        packet.extend([0, 0, 0, 0, 64, UDP, 0, 0, 10, 0, 0, 1, 255, 255, 255, 255]);
        packet.extend([0, 67, 0, 68]);
        packet.extend(length.to_be_bytes());
        packet.extend([0, 0]);
        packet.extend(message);
        packet
    }

    const MAC: [u8; 6] = [0x52, 0x54, 0, 1, 2, 3];

    #[test]
    fn an_acknowledgement_is_a_lease() {
        let lease = lease(&packet(MAC, [10, 1, 0, 9], ACK)).unwrap();
        assert_eq!(lease.mac, Mac(MAC));
        assert_eq!(lease.address, Ipv4Addr::new(10, 1, 0, 9));
    }

    #[test]
    fn anything_else_is_none() {
        let offer = packet(MAC, [10, 1, 0, 9], 2);
        let inform = packet(MAC, [0, 0, 0, 0], ACK);
        let good = packet(MAC, [10, 1, 0, 9], ACK);
        let changed = |at: usize, byte: u8| {
            let mut packet = good.clone();
            packet[at] = byte;
            packet
        };
        let others = [
            offer,
            inform,
            changed(0, 0x65),
            changed(0, 0x44),
            changed(6, 0x20),
            changed(7, 1),
            changed(9, 6),
            changed(23, 67),
            changed(28, 1),
            changed(30, 8),
            changed(28 + OPTIONS, 0),
        ];
        for other in others {
            assert_eq!(lease(&other), None, "{other:x?}");
        }
    }

    proptest! {
        #[test]
        fn no_packet_panics(packet in prop::collection::vec(any::<u8>(), 0..400)) {
            lease(&packet);
        }

        #[test]
        fn no_damage_panics(at in 0_usize..270, byte: u8, length in 0_usize..300) {
            let mut packet = packet(MAC, [10, 1, 0, 9], ACK);
            packet[at] = byte;
            packet.truncate(length);
            lease(&packet);
        }
    }
}
