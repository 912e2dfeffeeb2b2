//! How Serial over LAN is configured.

use super::{
    super::{
        completion::{Completion, Reply},
        privilege::Privilege,
        server::PORT,
    },
    CHANNEL, Command, Cx, check_channel, command,
};

pub const COMMANDS: &[Command] = &[
    command(0x21, Privilege::Administrator, set),
    command(0x22, Privilege::User, get),
];

const NOT_SUPPORTED: Completion = Completion::COMMAND_SPECIFIC;
const READ_ONLY: Completion = Completion::COMMAND_SPECIFIC_2;

fn get(cx: &mut Cx<'_>, data: &[u8]) -> Reply {
    const REVISION: u8 = 0x11;
    const REVISION_ONLY: u8 = 0x80;
    let &[channel, parameter, _, _] = data else {
        return Err(Completion::LENGTH);
    };
    check_channel(channel)?;
    if channel & REVISION_ONLY != 0 {
        return Ok(vec![REVISION]);
    }
    let sol = &cx.settings.sol;
    let value = match parameter {
        0 => vec![0],
        1 => vec![u8::from(sol.enabled)],
        2 => vec![sol.authentication],
        3 => sol.accumulate.to_vec(),
        4 => sol.retry.to_vec(),
        5 | 6 => vec![sol.rates[usize::from(parameter) - 5]],
        7 => vec![CHANNEL],
        8 => PORT.to_le_bytes().to_vec(),
        _ => return Err(NOT_SUPPORTED),
    };
    Ok([&[REVISION], value.as_slice()].concat())
}

fn set(cx: &mut Cx<'_>, data: &[u8]) -> Reply {
    /// Encrypted and authenticated: sessions are never anything else.
    const ALWAYS: u8 = 0xc0;
    let (&[channel, parameter], value) = data.split_first_chunk::<2>().ok_or(Completion::LENGTH)?;
    check_channel(channel)?;
    let sol = &mut cx.settings.sol;
    match (parameter, value) {
        (0, [_]) => {}
        (1, [enabled]) => sol.enabled = enabled & 1 != 0,
        (2, [authentication]) => {
            Privilege::from_number(authentication & 0xf).ok_or(Completion::INVALID_FIELD)?;
            sol.authentication = authentication | ALWAYS;
        }
        (3, &[interval, threshold]) => sol.accumulate = [interval, threshold],
        (4, &[count, interval]) => sol.retry = [count & 7, interval],
        (5 | 6, &[rate]) => sol.rates[usize::from(parameter) - 5] = rate,
        (7 | 8, _) => return Err(READ_ONLY),
        (0..=6, _) => return Err(Completion::LENGTH),
        _ => return Err(NOT_SUPPORTED),
    }
    Ok(vec![])
}
