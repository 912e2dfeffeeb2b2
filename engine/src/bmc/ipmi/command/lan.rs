//! The LAN configuration parameters. They tell how things are; the lab file decides that, not a client.

use std::net::{IpAddr, Ipv4Addr};

use super::{
    super::{
        completion::{Completion, Reply},
        crypto::Suite,
        privilege::Privilege,
        server::PORT,
    },
    Command, Cx, check_channel, command,
};

pub const COMMANDS: &[Command] = &[
    command(0x01, Privilege::Administrator, set),
    command(0x02, Privilege::Operator, get),
];

const REVISION: u8 = 0x11;
/// No such parameter.
const NOT_SUPPORTED: Completion = Completion::COMMAND_SPECIFIC;
/// The parameter can't be written.
const READ_ONLY: Completion = Completion::COMMAND_SPECIFIC_2;

fn value(cx: &Cx<'_>, parameter: u8, set: u8) -> Result<Vec<u8>, Completion> {
    const STATIC: u8 = 1;
    let place = cx.place;
    let (address, prefix) = match place.address {
        IpAddr::V4(address) => (address, place.prefix),
        // These parameters have no room for another family's.
        IpAddr::V6(_) => (Ipv4Addr::UNSPECIFIED, 0),
    };
    let mask = u32::MAX
        .checked_shl(32_u32.saturating_sub(prefix.into()))
        .unwrap_or_default();
    Ok(match parameter {
        // Nothing is being set; nothing of IPMI 1.5; no ARP is sent unasked; alerts go nowhere; no VLAN has a priority.
        0 | 1 | 11 | 17 | 21 => vec![0],
        // At no privilege either.
        2 => vec![0; 5],
        3 => address.octets().to_vec(),
        4 => vec![STATIC],
        5 => place.mac.to_vec(),
        6 => Ipv4Addr::from_bits(mask).octets().to_vec(),
        // Time to live, flags, precedence: the host's.
        7 => vec![64, 0x40, 0],
        8 => PORT.to_le_bytes().to_vec(),
        9 => 664_u16.to_le_bytes().to_vec(),
        // The host answers ARP.
        10 => vec![0x02],
        // Whom alerts are for.
        16 => vec![0; 18],
        // No gateway: who is elsewhere reaches the BMC through the host. No limit to wrong passwords (26).
        12 | 14 => vec![0; 4],
        13 | 15 | 26 => vec![0; 6],
        // No VLAN.
        20 => vec![0; 2],
        22 => vec![u8::try_from(Suite::ALL.len()).unwrap_or_default()],
        23 => {
            let mut entries = vec![0];
            entries.extend(Suite::ALL.iter().rev().map(|suite| suite.id()));
            entries.resize(17, 0);
            entries
        }
        // Both suites up to administrator.
        24 => vec![0, 0x44, 0, 0, 0, 0, 0, 0, 0],
        25 if set == 0 => vec![0; 4],
        _ => return Err(NOT_SUPPORTED),
    })
}

fn get(cx: &mut Cx<'_>, data: &[u8]) -> Reply {
    const REVISION_ONLY: u8 = 0x80;
    let &[channel, parameter, set, _] = data else {
        return Err(Completion::LENGTH);
    };
    check_channel(channel)?;
    if channel & REVISION_ONLY != 0 {
        return Ok(vec![REVISION]);
    }
    Ok([&[REVISION], value(cx, parameter, set)?.as_slice()].concat())
}

fn set(cx: &mut Cx<'_>, data: &[u8]) -> Reply {
    let (&[channel, parameter], bytes) = data.split_first_chunk::<2>().ok_or(Completion::LENGTH)?;
    check_channel(channel)?;
    if parameter == 0 {
        return Ok(vec![]);
    }
    // What changes nothing is no error.
    if value(cx, parameter, 0)? == bytes {
        Ok(vec![])
    } else {
        Err(READ_ONLY)
    }
}
