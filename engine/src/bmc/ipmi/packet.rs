//! IPMI's session headers: the one of version 1.5 for what needs no session, the one of RMCP+ for all else.

/// The authentication type that marks RMCP+.
const RMCP_PLUS: u8 = 0x06;
const NO_AUTHENTICATION: u8 = 0;
const ENCRYPTED: u8 = 0x80;
const AUTHENTICATED: u8 = 0x40;
/// What stands after the padding of a session trailer.
const NEXT_HEADER: u8 = 0x07;
/// Bytes of an RMCP+ header.
const HEADER: usize = 12;

/// What an RMCP+ packet carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload {
    /// An IPMI message.
    Ipmi,
    /// Serial over LAN.
    Sol,
    /// A request to open a session.
    OpenRequest,
    /// The answer to it.
    OpenResponse,
    /// RAKP message 1.
    Rakp1,
    /// RAKP message 2.
    Rakp2,
    /// RAKP message 3.
    Rakp3,
    /// RAKP message 4.
    Rakp4,
}

const PAYLOADS: &[(u8, Payload)] = &[
    (0x00, Payload::Ipmi),
    (0x01, Payload::Sol),
    (0x10, Payload::OpenRequest),
    (0x11, Payload::OpenResponse),
    (0x12, Payload::Rakp1),
    (0x13, Payload::Rakp2),
    (0x14, Payload::Rakp3),
    (0x15, Payload::Rakp4),
];

impl Payload {
    fn number(self) -> u8 {
        let found = PAYLOADS.iter().find(|(_, payload)| *payload == self);
        found.map_or(0, |(number, _)| *number)
    }
}

/// An IPMI packet, as far as it can be taken apart without a session's keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// A message outside of any session, in the header of version 1.5.
    Plain(&'a [u8]),
    /// A payload outside of any session.
    Open(Payload, &'a [u8]),
    /// Something in a session.
    Sealed(Sealed<'a>),
}

/// A packet of a session: authenticated and encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sealed<'a> {
    /// What it claims to carry.
    pub payload: Payload,
    /// The BMC's number of the session.
    pub session: u32,
    /// Its place in the sequence.
    pub sequence: u32,
    /// Its encrypted payload.
    pub secret: &'a [u8],
    /// The whole packet: the session's integrity code is the end of it.
    whole: &'a [u8],
}

/// Takes a packet apart; `None` for what is malformed, or of a kind that BMCs don't get.
pub fn parse(packet: &[u8]) -> Option<Packet<'_>> {
    match *packet.first()? {
        NO_AUTHENTICATION => {
            let (header, rest) = packet.split_first_chunk::<10>()?;
            let outside = header[1..9].iter().all(|byte| *byte == 0);
            // More may follow: some clients pad what Ethernet would lose.
            let message = rest.get(..header[9].into())?;
            outside.then_some(Packet::Plain(message))
        }
        RMCP_PLUS => parse_plus(packet),
        _ => None,
    }
}

fn parse_plus(packet: &[u8]) -> Option<Packet<'_>> {
    let (&[_, kind, s0, s1, s2, s3, q0, q1, q2, q3, l0, l1], rest) = packet.split_first_chunk::<HEADER>()?;
    let number = kind & 0x3f;
    let (_, payload) = *PAYLOADS.iter().find(|(known, _)| *known == number)?;
    let session = u32::from_le_bytes([s0, s1, s2, s3]);
    let sequence = u32::from_le_bytes([q0, q1, q2, q3]);
    let body = rest.get(..u16::from_le_bytes([l0, l1]).into())?;
    match (session, kind & (ENCRYPTED | AUTHENTICATED)) {
        (0, 0) => (sequence == 0).then_some(Packet::Open(payload, body)),
        (1.., flags) if flags == ENCRYPTED | AUTHENTICATED && sequence != 0 => Some(Packet::Sealed(Sealed {
            payload,
            session,
            sequence,
            secret: body,
            whole: packet,
        })),
        _ => None,
    }
}

impl<'a> Sealed<'a> {
    /// What the integrity code vouches for, and the code; `None` if the packet has no room for a code of that many bytes,
    /// or isn't padded as it should be. To be trusted only once the code is known to be right.
    pub fn authenticated(&self, code_length: usize) -> Option<(&'a [u8], &'a [u8])> {
        let (vouched, code) = self
            .whole
            .split_at_checked(self.whole.len().checked_sub(code_length)?)?;
        let padding = vouched.get(HEADER + self.secret.len()..)?;
        let (pad, [count, NEXT_HEADER]) = padding.split_last_chunk::<2>()? else {
            return None;
        };
        let padded = pad.len() == usize::from(*count) && pad.len() < 4 && pad.iter().all(|byte| *byte == 0xff);
        (padded && vouched.len().is_multiple_of(4)).then_some((vouched, code))
    }
}

/// Appends a message outside of any session, in the header of version 1.5.
pub fn append_plain(message: &[u8], packet: &mut Vec<u8>) {
    packet.extend([NO_AUTHENTICATION, 0, 0, 0, 0, 0, 0, 0, 0]);
    packet.push(u8::try_from(message.len()).unwrap_or(u8::MAX));
    packet.extend(message);
}

/// Appends a payload outside of any session.
pub fn append_open(payload: Payload, body: &[u8], packet: &mut Vec<u8>) {
    header(payload.number(), 0, 0, body, packet);
}

/// Appends an encrypted payload of a session; `session` is the client's number of it. `sign` makes the integrity code.
pub fn append_sealed(
    payload: Payload,
    session: u32,
    sequence: u32,
    secret: &[u8],
    sign: impl FnOnce(&[u8]) -> Vec<u8>,
    packet: &mut Vec<u8>,
) {
    let start = packet.len();
    header(
        payload.number() | ENCRYPTED | AUTHENTICATED,
        session,
        sequence,
        secret,
        packet,
    );
    let mut count = 0;
    while !(packet.len() - start + 2).is_multiple_of(4) {
        packet.push(0xff);
        count += 1;
    }
    packet.extend([count, NEXT_HEADER]);
    let code = sign(&packet[start..]);
    packet.extend(code);
}

fn header(kind: u8, session: u32, sequence: u32, body: &[u8], packet: &mut Vec<u8>) {
    packet.extend([RMCP_PLUS, kind]);
    packet.extend(session.to_le_bytes());
    packet.extend(sequence.to_le_bytes());
    packet.extend(u16::try_from(body.len()).unwrap_or(u16::MAX).to_le_bytes());
    packet.extend(body);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_belongs_to_no_session_must_say_so() {
        assert_eq!(parse(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 9]), Some(Packet::Plain(&[9])));
        // A number of a session, an authentication type, a length beyond the end.
        assert_eq!(parse(&[0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 9]), None);
        assert_eq!(parse(&[2, 0, 0, 0, 0, 0, 0, 0, 0, 1, 9]), None);
        assert_eq!(parse(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 9]), None);
        // A session without integrity or encryption.
        for kind in [0x00, 0x40, 0x80] {
            assert_eq!(parse(&[6, kind, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0]), None);
        }
    }

    proptest! {
        #[test]
        fn sealed_packets_come_back(
            session in 1..=u32::MAX, sequence in 1..=u32::MAX, secret in prop::collection::vec(any::<u8>(), 0..80), code in any::<[u8; 12]>(),
        ) {
            let mut packet = vec![];
            append_sealed(Payload::Sol, session, sequence, &secret, |_| code.to_vec(), &mut packet);
            let Some(Packet::Sealed(sealed)) = parse(&packet) else { panic!("{packet:x?}") };
            prop_assert_eq!((sealed.payload, sealed.session, sealed.sequence), (Payload::Sol, session, sequence));
            prop_assert_eq!(sealed.secret, &secret);
            let (vouched, found) = sealed.authenticated(12).unwrap();
            prop_assert_eq!((vouched, found), packet.split_at(packet.len() - 12));
            prop_assert!(sealed.authenticated(16).is_none());
        }

        #[test]
        fn nothing_panics(mut packet in prop::collection::vec(any::<u8>(), 0..64), plus in any::<bool>(), code in 0..40_usize) {
            if let (true, Some(first)) = (plus, packet.first_mut()) {
                *first = RMCP_PLUS;
            }
            if let Some(Packet::Sealed(sealed)) = parse(&packet) {
                sealed.authenticated(code);
            }
        }

        #[test]
        fn open_payloads_come_back(body in prop::collection::vec(any::<u8>(), 0..80)) {
            let mut packet = vec![];
            append_open(Payload::Rakp1, &body, &mut packet);
            prop_assert_eq!(parse(&packet), Some(Packet::Open(Payload::Rakp1, &body)));
            let mut packet = vec![];
            append_plain(&body, &mut packet);
            prop_assert_eq!(parse(&packet), Some(Packet::Plain(&body)));
        }
    }
}
