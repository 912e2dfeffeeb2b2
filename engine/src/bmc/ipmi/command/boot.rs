//! Boot options: where the machine boots from, and notes that clients leave for one another.

use super::{
    super::{
        completion::{Completion, Reply},
        privilege::Privilege,
    },
    Command, Cx, command,
};
use crate::bmc::{BootFirmware, BootOverride, BootTarget, Persistence};

pub const COMMANDS: &[Command] = &[
    command(0x08, Privilege::Operator, set),
    command(0x09, Privilege::Operator, get),
];

const VALID: u8 = 0x80;
const PERSISTENT: u8 = 0x40;
const EFI: u8 = 0x20;
const DEVICE: u8 = 0x3c;

/// Devices by number; where a target has several, the first is told.
const DEVICES: &[(u8, BootTarget)] = &[
    (1, BootTarget::Pxe),
    (2, BootTarget::Disk),
    (3, BootTarget::SafeMode),
    (4, BootTarget::Diagnostic),
    (5, BootTarget::Cd),
    (6, BootTarget::Setup),
    (15, BootTarget::Floppy),
    (7, BootTarget::Floppy),
    (8, BootTarget::Cd),
    (11, BootTarget::Disk),
    // IPMI has no word for booting from a URL; it is a boot from the network.
    (1, BootTarget::UefiHttp),
];

fn set(cx: &mut Cx<'_>, data: &[u8]) -> Reply {
    let (&selector, bytes) = data.split_first().ok_or(Completion::LENGTH)?;
    let options = &mut cx.settings.boot;
    match (selector & 0x7f, bytes) {
        // Whether a setting is under way, which matters to clients that share a BMC only; a parameter's being locked.
        (0, [_]) | (0..=7, []) => {}
        (parameter @ 1..=3, &[value]) => options.simple[usize::from(parameter) - 1] = value,
        (4, &[mask, value]) => options.acknowledged = options.acknowledged & !mask | value & mask,
        (5, bytes) => {
            let flags = bytes.first_chunk::<5>().copied().ok_or(Completion::LENGTH)?;
            let boot = read(flags)?;
            if boot.is_some_and(|boot| !cx.bmc.identity().boots_from(boot.target)) {
                return Err(Completion::INVALID_FIELD);
            }
            cx.bmc.set_boot(boot).map_err(|_| Completion::STATE)?;
            options.flags = flags;
        }
        (6, bytes) => options.initiator = bytes.first_chunk::<9>().copied().ok_or(Completion::LENGTH)?,
        (7, [block, bytes @ ..]) => {
            let slot = options.mailbox.get_mut(usize::from(*block)).ok_or(Completion::RANGE)?;
            if bytes.len() > slot.len() {
                return Err(Completion::LENGTH);
            }
            *slot = [0; 16];
            slot.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        }
        (0..=7, _) => return Err(Completion::LENGTH),
        _ => return Err(Completion::COMMAND_SPECIFIC),
    }
    Ok(vec![])
}

fn read([flags, devices, ..]: [u8; 5]) -> Result<Option<BootOverride>, Completion> {
    let device = (devices & DEVICE) >> 2;
    if flags & VALID == 0 || device == 0 {
        return Ok(None);
    }
    let known = DEVICES.iter().find(|(number, _)| *number == device);
    let (_, target) = known.ok_or(Completion::INVALID_FIELD)?;
    Ok(Some(BootOverride {
        target: *target,
        persistence: if flags & PERSISTENT == 0 {
            Persistence::Once
        } else {
            Persistence::Continuous
        },
        firmware: if flags & EFI == 0 {
            BootFirmware::Legacy
        } else {
            BootFirmware::Uefi
        },
    }))
}

/// The flags as they were written, if they still mean what holds; else those that do.
fn write(written: [u8; 5], boot: Option<BootOverride>) -> [u8; 5] {
    if read(written) == Ok(boot) {
        return written;
    }
    let [_, devices, rest @ ..] = written;
    let [mut flags, mut devices] = [0, devices & !DEVICE];
    if let Some(boot) = boot {
        let device = DEVICES.iter().find(|(_, target)| *target == boot.target);
        devices |= device.map_or(0, |(number, _)| number << 2);
        flags = VALID;
        flags |= if boot.persistence == Persistence::Continuous {
            PERSISTENT
        } else {
            0
        };
        flags |= if boot.firmware == BootFirmware::Uefi { EFI } else { 0 };
    }
    let [a, b, c] = rest;
    [flags, devices, a, b, c]
}

fn get(cx: &mut Cx<'_>, data: &[u8]) -> Reply {
    const VERSION: u8 = 0x01;
    let &[selector, set, _] = data else {
        return Err(Completion::LENGTH);
    };
    let options = &cx.settings.boot;
    let parameter = selector & 0x7f;
    let bytes = match parameter {
        0 => vec![0],
        1..=3 => vec![options.simple[usize::from(parameter) - 1]],
        4 => vec![0, options.acknowledged],
        5 => write(options.flags, cx.bmc.boot()).to_vec(),
        6 => options.initiator.to_vec(),
        7 => {
            let block = options.mailbox.get(usize::from(set)).ok_or(Completion::RANGE)?;
            [&[set], block.as_slice()].concat()
        }
        _ => return Err(Completion::COMMAND_SPECIFIC),
    };
    Ok([&[VERSION, parameter], bytes.as_slice()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_stay_as_written_while_they_hold() {
        // A remote CD, for good, by UEFI, with a blank screen.
        let written = [0xe0, 8 << 2 | 2, 0, 0, 0];
        let boot = read(written).unwrap();
        assert_eq!(
            boot,
            Some(BootOverride {
                target: BootTarget::Cd,
                persistence: Persistence::Continuous,
                firmware: BootFirmware::Uefi,
            })
        );
        assert_eq!(write(written, boot), written);
        assert_eq!(write(written, None), [0, 2, 0, 0, 0]);
        let other = boot.map(|boot| BootOverride {
            target: BootTarget::Pxe,
            persistence: Persistence::Once,
            ..boot
        });
        assert_eq!(write(written, other), [0xa0, 1 << 2 | 2, 0, 0, 0]);
    }

    #[test]
    fn every_target_can_be_told() {
        for (_, target) in DEVICES {
            let boot = BootOverride {
                target: *target,
                persistence: Persistence::Once,
                firmware: BootFirmware::Legacy,
            };
            assert_ne!(write([0; 5], Some(boot))[1], 0, "{target:?}");
        }
        assert_eq!(read([VALID, 10 << 2, 0, 0, 0]), Err(Completion::INVALID_FIELD));
    }
}
