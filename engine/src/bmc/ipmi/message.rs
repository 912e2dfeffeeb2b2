//! IPMI messages: a command to the BMC and its answer, with their two sums.

use super::completion::{Completion, Reply};

/// The BMC's address on its own bus.
const BMC: u8 = 0x20;

/// A command for the BMC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// Group of functions, an even number.
    pub netfn: u8,
    /// The command.
    pub command: u8,
    /// What stands behind it.
    pub data: &'a [u8],
    /// Whom it is for: `BMC`, or something behind it.
    responder: u8,
    responder_lun: u8,
    requester: u8,
    sequence: u8,
}

/// Takes a message apart; `None` if its sums are wrong, or it is an answer.
pub fn parse(message: &[u8]) -> Option<Request<'_>> {
    let (&[responder, netfn, sum, requester, sequence, command], rest) = message.split_first_chunk::<6>()?;
    let (&last, data) = rest.split_last()?;
    let right = checksum(&[responder, netfn]) == sum && checksum(message.get(3..message.len() - 1)?) == last;
    let request = Request {
        netfn: netfn >> 2,
        command,
        data,
        responder,
        responder_lun: netfn & 3,
        requester,
        sequence,
    };
    (right && request.netfn.is_multiple_of(2)).then_some(request)
}

impl Request<'_> {
    /// Whether it is for the BMC itself, which has nothing behind it.
    pub fn is_for_bmc(&self) -> bool {
        self.responder == BMC && self.responder_lun == 0
    }

    /// The message that answers it.
    pub fn answer(&self, reply: &Reply) -> Vec<u8> {
        let (code, data) = match reply {
            Ok(data) => (Completion::DONE, data.as_slice()),
            Err(code) => (*code, [].as_slice()),
        };
        let netfn = (self.netfn | 1) << 2 | (self.sequence & 3);
        let mut message = vec![self.requester, netfn, checksum(&[self.requester, netfn])];
        let lun = self.responder_lun;
        message.extend([self.responder, self.sequence & !3 | lun, self.command, code.0]);
        message.extend(data);
        message.push(checksum(&message[3..]));
        message
    }
}

/// What makes the sum of all bytes zero.
fn checksum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_sub(*byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(netfn: u8, command: u8, data: &[u8]) -> Vec<u8> {
        let mut message = vec![BMC, netfn << 2, checksum(&[BMC, netfn << 2]), 0x81, 0x04, command];
        message.extend(data);
        message.push(checksum(&message[3..]));
        message
    }

    #[test]
    fn an_answer_goes_back_to_who_asked() {
        let bytes = message(6, 1, &[]);
        let request = parse(&bytes).unwrap();
        assert!(request.is_for_bmc());
        assert_eq!(
            request.answer(&Ok(vec![7])),
            [0x81, 0x1c, 0x63, 0x20, 0x04, 1, 0, 7, 0xd4]
        );
        assert_eq!(request.answer(&Err(Completion::INVALID_COMMAND))[6], 0xc1);
        assert_eq!(parse(&request.answer(&Ok(vec![]))), None);
    }

    proptest! {
        #[test]
        fn requests_come_back_and_one_wrong_byte_spoils_them(
            netfn in 0..31_u8, command: u8, data in prop::collection::vec(any::<u8>(), 0..40), at: prop::sample::Index, flip in 1..=255_u8,
        ) {
            let mut bytes = message(netfn * 2, command, &data);
            let request = parse(&bytes).unwrap();
            prop_assert_eq!((request.netfn, request.command, request.data), (netfn * 2, command, data.as_slice()));
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            prop_assert_eq!(parse(&bytes), None);
        }

        #[test]
        fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            parse(&bytes);
        }
    }
}
