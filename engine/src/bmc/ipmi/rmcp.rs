//! RMCP, the frame around everything at UDP port 623, and the ASF messages in it (DSP0136).

/// Version of RMCP.
const VERSION: u8 = 0x06;
/// "No acknowledgement wanted".
const NO_ACK: u8 = 0xff;
const CLASS_ASF: u8 = 0x06;
const CLASS_IPMI: u8 = 0x07;
/// The number of the ASF in its own messages.
const ASF_IANA: [u8; 4] = [0x00, 0x00, 0x11, 0xbe];
const PRESENCE_PING: u8 = 0x80;
const PRESENCE_PONG: u8 = 0x40;

/// What an RMCP packet carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rmcp<'a> {
    /// An IPMI packet.
    Ipmi(&'a [u8]),
    /// The question whether anybody is there, with its tag.
    Ping(u8),
}

/// Takes the frame off; `None` for what is none or is of no use to a BMC.
pub fn parse(packet: &[u8]) -> Option<Rmcp<'_>> {
    let ([VERSION, _, _, class], body) = packet.split_first_chunk::<4>()? else {
        return None;
    };
    match *class {
        CLASS_IPMI => Some(Rmcp::Ipmi(body)),
        CLASS_ASF => match body.strip_prefix(&ASF_IANA)? {
            [PRESENCE_PING, tag, _, 0, ..] => Some(Rmcp::Ping(*tag)),
            _ => None,
        },
        _ => None,
    }
}

/// Begins a packet that carries IPMI.
pub fn frame() -> Vec<u8> {
    vec![VERSION, 0, NO_ACK, CLASS_IPMI]
}

/// The answer to a ping: IPMI is spoken here.
pub fn pong(tag: u8) -> Vec<u8> {
    /// IPMI, and version 1.0 of the ASF.
    const ENTITIES: u8 = 0x81;
    let mut packet = vec![VERSION, 0, NO_ACK, CLASS_ASF];
    packet.extend(ASF_IANA);
    packet.extend([PRESENCE_PONG, tag, 0, 16]);
    packet.extend(ASF_IANA);
    packet.extend([0, 0, 0, 0, ENTITIES, 0, 0, 0, 0, 0, 0, 0]);
    packet
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_ping_is_one() {
        let ping = [6, 0, 0xff, 6, 0, 0, 0x11, 0xbe, 0x80, 7, 0, 0];
        assert_eq!(parse(&ping), Some(Rmcp::Ping(7)));
        assert_eq!(pong(7).len(), 28);
        assert_eq!(parse(&pong(7)), None);
    }

    proptest! {
        #[test]
        fn ipmi_is_found_and_nothing_panics(body in prop::collection::vec(any::<u8>(), 0..64)) {
            let packet = [frame(), body.clone()].concat();
            prop_assert_eq!(parse(&packet), Some(Rmcp::Ipmi(&body)));
            parse(&body);
        }
    }
}
