//! The BMC itself: what it is, how it is, starting it anew.

use super::{
    super::{
        completion::{Completion, Reply},
        handshake,
        privilege::Privilege,
    },
    Command, Cx, Then, command,
};
use crate::bmc::BootFirmware;

pub const COMMANDS: &[Command] = &[
    command(0x01, Privilege::User, device_id),
    command(0x02, Privilege::Administrator, cold_reset),
    command(0x03, Privilege::Administrator, warm_reset),
    command(0x04, Privilege::User, self_test),
    command(0x07, Privilege::User, acpi_power),
    command(0x08, Privilege::User, device_guid),
    command(0x2e, Privilege::Administrator, set_enables),
    command(0x2f, Privilege::User, enables),
    command(0x31, Privilege::User, message_flags),
    command(0x37, Privilege::None, system_guid),
    command(0x58, Privilege::Administrator, set_system_info),
    command(0x59, Privilege::User, system_info),
];

/// Chassis, FRU inventory, event log, sensor records and sensors.
pub(super) const SUPPORT: u8 = 0x80 | 0x08 | 0x04 | 0x02 | 0x01;
/// 2.0, its digits the other way round.
const IPMI_VERSION: u8 = 0x02;
/// Where a version of this program has its first two numbers.
const VERSION: [u8; 2] = [
    number(env!("CARGO_PKG_VERSION_MAJOR")),
    number(env!("CARGO_PKG_VERSION_MINOR")),
];

/// The number a text of digits means, as two decimal digits of four bits.
const fn number(text: &str) -> u8 {
    let (bytes, mut at, mut value) = (text.as_bytes(), 0, 0_u8);
    while at < bytes.len() {
        value = (value & 0xf) << 4 | (bytes[at] - b'0');
        at += 1;
    }
    value
}

fn device_id(_: &mut Cx<'_>, _: &[u8]) -> Reply {
    let mut answer = vec![0x20, 0x01, VERSION[0] & 0x7f, VERSION[1], IPMI_VERSION, SUPPORT];
    // No manufacturer and product: a number would claim to be somebody's hardware.
    answer.extend([0; 5]);
    answer.extend([0; 4]);
    Ok(answer)
}

fn cold_reset(cx: &mut Cx<'_>, _: &[u8]) -> Reply {
    cx.then = Then::Reset(true);
    Ok(vec![])
}

fn warm_reset(cx: &mut Cx<'_>, _: &[u8]) -> Reply {
    cx.then = Then::Reset(false);
    Ok(vec![])
}

fn self_test(_: &mut Cx<'_>, _: &[u8]) -> Reply {
    Ok(vec![0x55, 0x00])
}

fn acpi_power(cx: &mut Cx<'_>, _: &[u8]) -> Reply {
    const S0: u8 = 0x00;
    const S5: u8 = 0x05;
    const D0: u8 = 0x00;
    Ok(vec![if cx.bmc.power().is_on() { S0 } else { S5 }, D0])
}

fn device_guid(cx: &mut Cx<'_>, _: &[u8]) -> Reply {
    // The BMC and its machine are one thing with one number.
    Ok(handshake::guid(cx.bmc).to_vec())
}

fn system_guid(cx: &mut Cx<'_>, _: &[u8]) -> Reply {
    Ok(handshake::guid(cx.bmc).to_vec())
}

fn set_enables(cx: &mut Cx<'_>, data: &[u8]) -> Reply {
    let &[enables] = data else {
        return Err(Completion::LENGTH);
    };
    cx.settings.enables = enables;
    Ok(vec![])
}

fn enables(cx: &mut Cx<'_>, _: &[u8]) -> Reply {
    Ok(vec![cx.settings.enables])
}

/// No message waits: there is nobody inside the machine to send one.
fn message_flags(_: &mut Cx<'_>, _: &[u8]) -> Reply {
    Ok(vec![0])
}

/// Bytes of text in a block of a parameter.
const BLOCK: usize = 16;

fn set_system_info(cx: &mut Cx<'_>, data: &[u8]) -> Reply {
    let (&parameter, rest) = data.split_first().ok_or(Completion::LENGTH)?;
    if parameter == 0 {
        return Ok(vec![]);
    }
    let slot = slot(parameter)?;
    let (&block, bytes) = rest.split_first().ok_or(Completion::LENGTH)?;
    if bytes.len() > BLOCK || block > 15 {
        return Err(Completion::RANGE);
    }
    let stored = cx.settings.names[slot].get_or_insert_default();
    let at = usize::from(block) * BLOCK;
    stored.truncate(at);
    stored.resize(at, 0);
    stored.extend(bytes);
    Ok(vec![])
}

fn system_info(cx: &mut Cx<'_>, data: &[u8]) -> Reply {
    const REVISION: u8 = 0x11;
    let &[flags, parameter, block, _] = data else {
        return Err(Completion::LENGTH);
    };
    if flags & 0x80 != 0 {
        return Ok(vec![REVISION]);
    }
    if parameter == 0 {
        return Ok(vec![REVISION, 0]);
    }
    let stored = if parameter == 1 {
        None
    } else {
        cx.settings.names[slot(parameter)?].clone()
    };
    let known = stored.or_else(|| match parameter {
        1 => Some(text(match firmware(cx) {
            BootFirmware::Uefi => "UEFI",
            BootFirmware::Legacy => "BIOS",
        })),
        2 => Some(text(&cx.bmc.identity().node)),
        _ => None,
    });
    let mut bytes = known.unwrap_or_else(|| text(""));
    let at = usize::from(block) * BLOCK;
    if at > 0 && at >= bytes.len() {
        return Err(Completion::INVALID_FIELD);
    }
    bytes.resize(bytes.len().max(at + BLOCK), 0);
    Ok([&[REVISION, block], &bytes[at..at + BLOCK]].concat())
}

fn firmware(cx: &Cx<'_>) -> BootFirmware {
    if cx.bmc.identity().uefi {
        BootFirmware::Uefi
    } else {
        BootFirmware::Legacy
    }
}

/// A text as the first block begins: its encoding and length.
fn text(text: &str) -> Vec<u8> {
    const UTF_8: u8 = 1;
    let mut bytes = text.as_bytes().to_vec();
    bytes.truncate(usize::from(u8::MAX));
    [&[UTF_8, u8::try_from(bytes.len()).unwrap_or(u8::MAX)], bytes.as_slice()].concat()
}

/// Where the names that clients may set are kept: system, primary and present operating system.
fn slot(parameter: u8) -> Result<usize, Completion> {
    match parameter {
        2..=4 => Ok(usize::from(parameter - 2)),
        _ => Err(Completion::COMMAND_SPECIFIC),
    }
}
