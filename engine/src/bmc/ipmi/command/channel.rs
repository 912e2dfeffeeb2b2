//! The channel: what it is, and what it takes to open a session on it.

use super::{
    super::{
        completion::{Completion, Reply},
        crypto::{AES_CBC_128, Suite},
        privilege::Privilege,
    },
    Command, Cx, command,
};

/// The number of the one channel there is, a LAN.
pub const CHANNEL: u8 = 1;

pub const COMMANDS: &[Command] = &[
    command(0x38, Privilege::None, authentication),
    command(0x40, Privilege::Administrator, set_access),
    command(0x41, Privilege::User, access),
    command(0x42, Privilege::User, info),
    command(0x54, Privilege::None, cipher_suites),
];

/// Checks that a byte names that channel, by its number or as "this one".
pub fn check_channel(byte: u8) -> Result<(), Completion> {
    match byte & 0xf {
        CHANNEL | 0xe => Ok(()),
        _ => Err(Completion::INVALID_FIELD),
    }
}

fn authentication(_: &mut Cx<'_>, data: &[u8]) -> Reply {
    /// The client knows IPMI 2.0.
    const EXTENDED: u8 = 0x80;
    /// Users have names.
    const NAMES: u8 = 0x04;
    const IPMI_2: u8 = 0x02;
    let &[channel, privilege] = data else {
        return Err(Completion::LENGTH);
    };
    check_channel(channel)?;
    Privilege::from_number(privilege & 0xf).ok_or(Completion::INVALID_FIELD)?;
    // Nothing of version 1.5 opens a session here.
    let (types, extended) = if channel & EXTENDED == 0 {
        (0, 0)
    } else {
        (EXTENDED, IPMI_2)
    };
    Ok(vec![CHANNEL, types, NAMES, extended, 0, 0, 0, 0])
}

/// The records of the suites, or the algorithms of all of them, in pieces of 16 bytes.
fn cipher_suites(_: &mut Cx<'_>, data: &[u8]) -> Reply {
    const STANDARD: u8 = 0xc0;
    const INTEGRITY: u8 = 0x40;
    const ENCRYPTION: u8 = 0x80;
    const BY_SUITE: u8 = 0x80;
    const PIECE: usize = 16;
    let &[channel, payload, index] = data else {
        return Err(Completion::LENGTH);
    };
    check_channel(channel)?;
    if payload & 0x3f > 1 {
        return Err(Completion::INVALID_FIELD);
    }
    let suites = Suite::ALL.iter().rev();
    let records: Vec<u8> = if index & BY_SUITE == 0 {
        let authentication = suites.clone().map(|suite| suite.authentication());
        let integrity = suites.map(|suite| INTEGRITY | suite.integrity());
        let algorithms = authentication.chain(integrity);
        algorithms.chain([ENCRYPTION | AES_CBC_128]).collect()
    } else {
        let record = |suite: &Suite| {
            [
                STANDARD,
                suite.id(),
                suite.authentication(),
                INTEGRITY | suite.integrity(),
                ENCRYPTION | AES_CBC_128,
            ]
        };
        suites.flat_map(record).collect()
    };
    let piece = records.chunks(PIECE).nth(usize::from(index & 0x3f)).unwrap_or_default();
    Ok([&[CHANNEL], piece].concat())
}

fn info(cx: &mut Cx<'_>, data: &[u8]) -> Reply {
    const LAN: u8 = 0x04;
    const IPMB: u8 = 0x01;
    const MULTI_SESSION: u8 = 0x80;
    let &[channel] = data else {
        return Err(Completion::LENGTH);
    };
    check_channel(channel)?;
    let active = u8::try_from(cx.table.len() + 1).unwrap_or(u8::MAX) & 0x3f;
    // The number of the IPMI forum, which has the protocol.
    Ok(vec![CHANNEL, LAN, IPMB, MULTI_SESSION | active, 0xf2, 0x1b, 0, 0, 0])
}

/// Always there; alerts, which nobody gets, are off.
const MODE: u8 = 0x20 | ALWAYS;
const ALWAYS: u8 = 2;

fn access(cx: &mut Cx<'_>, data: &[u8]) -> Reply {
    let &[channel, which] = data else {
        return Err(Completion::LENGTH);
    };
    check_channel(channel)?;
    if !matches!(which >> 6, 1 | 2) {
        return Err(Completion::INVALID_FIELD);
    }
    Ok(vec![MODE, cx.settings.channel_limit.number()])
}

fn set_access(cx: &mut Cx<'_>, data: &[u8]) -> Reply {
    let &[channel, access, limit] = data else {
        return Err(Completion::LENGTH);
    };
    check_channel(channel)?;
    if access >> 6 != 0 && access & 7 != ALWAYS {
        // A LAN that could be switched off could not be switched on again.
        return Err(Completion(0x83));
    }
    if limit >> 6 != 0 {
        let limit = Privilege::from_number(limit & 0xf).ok_or(Completion::INVALID_FIELD)?;
        cx.settings.channel_limit = limit;
    }
    Ok(vec![])
}
