//! The kernel's answers.

use std::io;

/// `NLMSG_ERROR`: an acknowledgement, with error 0 if it is a good one.
pub const NLMSG_ERROR: u16 = 2;
/// The kernel sends no more of the request's message than its header.
const NLM_F_CAPPED: u16 = 0x100;
/// Attributes follow the acknowledged message's header.
const NLM_F_ACK_TLVS: u16 = 0x200;
/// The attribute with a message for people.
const NLMSGERR_ATTR_MSG: u16 = 1;
/// `RTM_NEWLINK`: a link, as answer to `RTM_GETLINK`.
pub const RTM_NEWLINK: u16 = 16;
/// Length of `struct nlmsghdr`.
pub const HEADER: usize = 16;

/// One answer.
#[derive(Debug)]
pub struct Reply {
    /// The request's sequence number.
    pub sequence: u32,
    /// What was answered.
    pub body: Body,
}

/// What the kernel answered.
#[derive(Debug)]
pub enum Body {
    /// The request was carried out.
    Done,
    /// It was refused, with the kernel's words if there are any.
    Refused(io::Error, Option<String>),
    /// A link with this index.
    Link(u32),
    /// Something nobody asked for.
    Other,
}

/// Returns the answers in a datagram; what is cut or malformed ends the list.
pub fn parse(datagram: &[u8]) -> Vec<Reply> {
    messages(datagram).filter_map(reply).collect()
}

fn reply(message: &[u8]) -> Option<Reply> {
    let flags = u16_at(message, 6)?;
    let sequence = u32_at(message, 8)?;
    let payload = message.get(HEADER..)?;
    let body = match u16_at(message, 4)? {
        NLMSG_ERROR => match i32::from_ne_bytes(*payload.first_chunk()?) {
            0 => Body::Done,
            code => Body::Refused(
                io::Error::from_raw_os_error(code.saturating_neg()),
                words(flags, payload),
            ),
        },
        // `struct ifinfomsg`: the index is its second word.
        RTM_NEWLINK => Body::Link(u32_at(payload, 4)?),
        _ => Body::Other,
    };
    Some(Reply { sequence, body })
}

/// Returns the message for people from an error's payload: its code, the request's header (and, unless capped, the
/// rest of the request), then attributes.
fn words(flags: u16, payload: &[u8]) -> Option<String> {
    if flags & NLM_F_ACK_TLVS == 0 {
        return None;
    }
    let request = payload.get(4..)?;
    let length = if flags & NLM_F_CAPPED != 0 {
        HEADER
    } else {
        usize::try_from(u32_at(request, 0)?).ok()?
    };
    let (_, value) =
        attributes(request.get(length.next_multiple_of(4)..)?).find(|(kind, _)| *kind == NLMSGERR_ATTR_MSG)?;
    let text = String::from_utf8_lossy(value);
    Some(text.trim_end_matches(['\0', '.']).to_owned())
}

/// Returns the attributes in a part of a message, each with its kind; what is cut or malformed ends them.
pub fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = u16_at(bytes, 0).map(usize::from)?;
        let value = bytes.get(4..length)?;
        let kind = u16_at(bytes, 2)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    })
}

/// Returns the messages in a datagram, with their headers; what is cut or malformed ends them.
pub fn messages(mut datagram: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let length = usize::try_from(u32_at(datagram, 0)?).ok()?;
        let message = datagram.get(..length).filter(|message| message.len() >= HEADER)?;
        datagram = datagram.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(message)
    })
}

pub fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|word| u32::from_ne_bytes(*word))
}

pub fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|word| u16::from_ne_bytes(*word))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A refusal of request 7, with an offset attribute (2) before the message (1).
    fn refusal() -> Vec<u8> {
        let mut payload = (-libc::EINVAL).to_ne_bytes().to_vec();
        payload.extend([0; HEADER]);
        for (kind, value) in [(2_u16, &[0, 0, 0, 0][..]), (1, b"No such bridge.\0")] {
            payload.extend(u16::try_from(value.len() + 4).expect("short").to_ne_bytes());
            payload.extend(kind.to_ne_bytes());
            payload.extend(value);
        }
        let mut message = u32::try_from(HEADER + payload.len())
            .expect("short")
            .to_ne_bytes()
            .to_vec();
        message.extend(NLMSG_ERROR.to_ne_bytes());
        message.extend((NLM_F_CAPPED | NLM_F_ACK_TLVS).to_ne_bytes());
        message.extend(7_u32.to_ne_bytes());
        message.extend([0; 4]);
        message.extend(payload);
        message
    }

    #[test]
    fn the_kernels_words_are_kept() {
        let datagram = [refusal(), refusal()].concat();
        let replies = parse(&datagram);
        assert_eq!(replies.len(), 2);
        let Body::Refused(error, words) = &replies[1].body else {
            panic!("{replies:?}")
        };
        assert_eq!((replies[1].sequence, error.raw_os_error()), (7, Some(libc::EINVAL)));
        assert_eq!(words.as_deref(), Some("No such bridge"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            parse(&bytes);
        }

        #[test]
        fn damaged_answers_are_taken(at in 0_usize..64, value in any::<u8>(), length in 0_usize..64) {
            let mut bytes = refusal();
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
            bytes.truncate(length);
            parse(&bytes);
        }
    }
}
