//! The commands, by group. Each is a function from bytes to an answer; what it needs is in [`Cx`].

#![allow(
    clippy::unnecessary_wraps,
    reason = "all commands have the shape that their tables ask for"
)]

mod boot;
mod channel;
mod chassis;
mod device;
mod event;
mod fru;
mod lan;
mod payload;
mod sdr;
mod sel;
mod sensor;
mod session;
mod sol;
mod user;
mod watchdog;

use std::sync::Arc;

use super::{
    completion::{Completion, Reply},
    message::Request,
    privilege::Privilege,
    session::{Session, Table},
    settings::Settings,
    sol::Sol,
};
use crate::bmc::{Begun, Bmc, Place};

/// What a command acts on.
pub struct Cx<'a> {
    /// The BMC.
    pub bmc: &'a Arc<Bmc>,
    /// Where it is reached.
    pub place: &'a Place,
    /// What IPMI alone knows.
    pub settings: &'a mut Settings,
    /// All sessions but the one that asks.
    pub table: &'a mut Table,
    /// Serial over LAN, while it is active.
    pub sol: &'a mut Option<Sol>,
    /// The session that asks; `None`: the command came outside of one.
    pub session: Option<&'a mut Session>,
    /// What the answer waits for, for a moment.
    pub begun: &'a mut Option<Begun>,
    /// What is to be done once the answer is sent.
    pub then: Then,
}

/// What is to be done after an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Then {
    /// Nothing.
    #[default]
    Nothing,
    /// The session ends.
    Close,
    /// All other sessions end; with `true`, settings are forgotten.
    Reset(bool),
}

impl Cx<'_> {
    /// The session that asks.
    fn session(&mut self) -> Result<&mut Session, Completion> {
        self.session.as_deref_mut().ok_or(Completion::PRIVILEGE)
    }

    /// The most that a session of the account may do now, if it may go on.
    fn privilege(&self) -> Privilege {
        self.session
            .as_ref()
            .map_or(Privilege::None, |session| session.privilege)
    }
}

/// A command.
struct Command {
    number: u8,
    privilege: Privilege,
    run: fn(&mut Cx<'_>, &[u8]) -> Reply,
}

/// Shortens the tables.
const fn command(number: u8, privilege: Privilege, run: fn(&mut Cx<'_>, &[u8]) -> Reply) -> Command {
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

/// The number of the one channel there is, a LAN.
const CHANNEL: u8 = 1;

/// Checks that a byte names that channel, by its number or as "this one".
fn check_channel(byte: u8) -> Result<(), Completion> {
    match byte & 0xf {
        CHANNEL | 0xe => Ok(()),
        _ => Err(Completion::INVALID_FIELD),
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
