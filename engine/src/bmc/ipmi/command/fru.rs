//! The inventory of the machine, as a FRU device would hold it: what its lab file says it is.

use super::{
    super::{
        completion::{Completion, Reply},
        privilege::Privilege,
    },
    Command, Cx, command,
};
use crate::bmc::Identity;

pub const COMMANDS: &[Command] = &[
    command(0x10, Privilege::User, info),
    command(0x11, Privilege::User, read),
    command(0x12, Privilege::Operator, write),
];

/// Areas are counted in multiples of so many bytes.
const UNIT: usize = 8;

/// The inventory: a header and a product area.
fn inventory(identity: &Identity) -> Vec<u8> {
    const VERSION: u8 = 1;
    const ENGLISH: u8 = 25;
    const END: u8 = 0xc1;
    let mut header = vec![VERSION, 0, 0, 0, 1, 0, 0];
    header.push(sum(&header));
    let mut product = vec![VERSION, 0, ENGLISH];
    // Neither part number nor version, asset tag or file.
    for text in [
        &identity.manufacturer,
        &identity.product,
        "",
        "",
        &identity.serial,
        "",
        "",
    ] {
        field(text, &mut product);
    }
    product.push(END);
    product.resize((product.len() + 1).next_multiple_of(UNIT) - 1, 0);
    product[1] = u8::try_from((product.len() + 1) / UNIT).unwrap_or(u8::MAX);
    product.push(sum(&product));
    [header, product].concat()
}

/// Appends a text with its type and length.
fn field(text: &str, area: &mut Vec<u8>) {
    const TEXT: u8 = 0xc0;
    const LONGEST: usize = 63;
    let mut bytes: Vec<u8> = text
        .chars()
        .take(LONGEST)
        .map(|c| {
            u8::try_from(c)
                .ok()
                .filter(|byte| (0x20..0x7f).contains(byte))
                .unwrap_or(b'?')
        })
        .collect();
    if bytes.len() == 1 {
        // One byte of text would mean the end of the area.
        bytes.push(b' ');
    }
    area.push(TEXT | u8::try_from(bytes.len()).unwrap_or_default());
    area.extend(bytes);
}

/// What makes the sum of all bytes zero.
fn sum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_sub(*byte))
}

fn check_device(device: u8) -> Result<(), Completion> {
    if device == 0 {
        Ok(())
    } else {
        Err(Completion::NOT_PRESENT)
    }
}

fn info(cx: &mut Cx<'_>, data: &[u8]) -> Reply {
    const BY_BYTES: u8 = 0;
    let &[device] = data else {
        return Err(Completion::LENGTH);
    };
    check_device(device)?;
    let size = u16::try_from(inventory(cx.bmc.identity()).len()).unwrap_or(u16::MAX);
    let [low, high] = size.to_le_bytes();
    Ok(vec![low, high, BY_BYTES])
}

fn read(cx: &mut Cx<'_>, data: &[u8]) -> Reply {
    let &[device, o0, o1, count] = data else {
        return Err(Completion::LENGTH);
    };
    check_device(device)?;
    let inventory = inventory(cx.bmc.identity());
    let offset = usize::from(u16::from_le_bytes([o0, o1]));
    let rest = inventory.get(offset..).ok_or(Completion::RANGE)?;
    // As many as fit into an answer.
    let bytes = &rest[..rest.len().min(count.into()).min(128)];
    Ok([&[u8::try_from(bytes.len()).unwrap_or_default()], bytes].concat())
}

/// The inventory is what the lab file says.
fn write(_: &mut Cx<'_>, data: &[u8]) -> Reply {
    const WRITE_PROTECTED: Completion = Completion::COMMAND_SPECIFIC;
    check_device(*data.first().ok_or(Completion::LENGTH)?)?;
    Err(WRITE_PROTECTED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bmc::testing::identity;

    #[test]
    fn areas_are_whole_and_their_sums_right() {
        for serial in ["", "7", "größer", &"x".repeat(300)] {
            let identity = Identity {
                serial: serial.into(),
                ..identity()
            };
            let inventory = inventory(&identity);
            assert!(inventory.len().is_multiple_of(UNIT));
            let (header, product) = inventory.split_at(UNIT);
            assert_eq!((sum(header), sum(product)), (0, 0));
            assert_eq!(usize::from(product[1]) * UNIT, product.len());
        }
    }
}
