//! Finding and carrying out a command.

use super::{
    super::{
        completion::{Completion, Reply},
        message::Request,
        privilege::Privilege,
    },
    Cx, boot, channel, chassis, device, event, fru, lan, payload, sdr, sel, sensor, session, sol, user, watchdog,
};

/// A command.
pub struct Command {
    number: u8,
    privilege: Privilege,
    run: fn(&mut Cx<'_>, &[u8]) -> Reply,
}

/// Shortens the tables.
pub const fn command(number: u8, privilege: Privilege, run: fn(&mut Cx<'_>, &[u8]) -> Reply) -> Command {
    Command { number, privilege, run }
}

const CHASSIS: u8 = 0x00;
const SENSOR_EVENT: u8 = 0x04;
const APPLICATION: u8 = 0x06;
const STORAGE: u8 = 0x0a;
const TRANSPORT: u8 = 0x0c;

/// The groups of functions, with their tables. Whatever is in none of them is an invalid command, those of group
/// extensions and manufacturers too.
const GROUPS: &[(u8, &[&[Command]])] = &[
    (CHASSIS, &[chassis::COMMANDS, boot::COMMANDS]),
    (SENSOR_EVENT, &[event::COMMANDS, sensor::COMMANDS]),
    (
        APPLICATION,
        &[
            device::COMMANDS,
            watchdog::COMMANDS,
            channel::COMMANDS,
            session::COMMANDS,
            user::COMMANDS,
            payload::COMMANDS,
        ],
    ),
    (STORAGE, &[sdr::COMMANDS, sel::COMMANDS, fru::COMMANDS]),
    (TRANSPORT, &[lan::COMMANDS, sol::COMMANDS]),
];

/// Carries out a command.
pub fn run(cx: &mut Cx<'_>, request: &Request<'_>) -> Reply {
    if !request.is_for_bmc() {
        return Err(Completion::NO_DESTINATION);
    }
    let tables = GROUPS
        .iter()
        .find(|(netfn, _)| *netfn == request.netfn)
        .map(|(_, tables)| *tables);
    let mut commands = tables.unwrap_or_default().iter().copied().flatten();
    let found = commands.find(|command| command.number == request.command);
    match found {
        Some(command) if cx.privilege() >= command.privilege => (command.run)(cx, request.data),
        // Who is not signed in does not learn what there is.
        Some(_) => Err(Completion::PRIVILEGE),
        None if cx.session.is_none() => Err(Completion::PRIVILEGE),
        None => Err(Completion::INVALID_COMMAND),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_command_stands_twice() {
        for (netfn, tables) in GROUPS {
            let mut seen = HashSet::new();
            for command in tables.iter().copied().flatten() {
                assert!(seen.insert(command.number), "{netfn:#x} {:#x}", command.number);
            }
        }
    }
}
