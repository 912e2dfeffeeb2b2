//! The watchdog timer.

use std::time::Duration;

use super::{
    super::{
        completion::{Completion, Reply},
        privilege::Privilege,
    },
    Command, Cx, command,
};
use crate::bmc::{Verb, WatchdogSettings};

pub const COMMANDS: &[Command] = &[
    command(0x22, Privilege::Operator, reset),
    command(0x24, Privilege::Operator, set),
    command(0x25, Privilege::User, get),
];

const SILENT: u8 = 0x80;
const RUNS: u8 = 0x40;
/// The only interrupt a machine can be warned by.
const NMI: u8 = 2;

fn reset(cx: &mut Cx<'_>, _: &[u8]) -> Reply {
    let started = cx.bmc.watchdog().start(cx.bmc);
    if started {
        Ok(vec![])
    } else {
        Err(Completion::COMMAND_SPECIFIC)
    }
}

fn set(cx: &mut Cx<'_>, data: &[u8]) -> Reply {
    let &[timer, actions, warning, clear, c0, c1] = data else {
        return Err(Completion::LENGTH);
    };
    let action = match actions & 7 {
        0 => None,
        1 => Some(Verb::Reset),
        2 => Some(Verb::Off),
        3 => Some(Verb::Cycle),
        _ => return Err(Completion::INVALID_FIELD),
    };
    let interrupt = actions >> 4 & 7;
    let settings = WatchdogSettings {
        purpose: timer & 7,
        action,
        warn_by_nmi: interrupt == NMI,
        warn_before: Duration::from_secs(warning.into()),
        time: Duration::from_millis(100) * u32::from(u16::from_le_bytes([c0, c1])),
        silent: timer & SILENT != 0,
    };
    let possible = matches!(settings.purpose, 1..=5) && matches!(interrupt, 0 | NMI);
    if !possible || (settings.warn_by_nmi && settings.warn_before > settings.time) {
        return Err(Completion::INVALID_FIELD);
    }
    cx.bmc.watchdog().set(cx.bmc, settings, clear, timer & RUNS != 0);
    Ok(vec![])
}

fn get(cx: &mut Cx<'_>, _: &[u8]) -> Reply {
    let state = cx.bmc.watchdog().state();
    let settings = state.settings.unwrap_or_default();
    let action = match settings.action {
        Some(Verb::Reset) => 1,
        Some(Verb::Off) => 2,
        Some(Verb::Cycle) => 3,
        _ => 0,
    };
    let flags = if settings.silent { SILENT } else { 0 } | if state.left.is_some() { RUNS } else { 0 };
    let interrupt = if settings.warn_by_nmi { NMI } else { 0 };
    let mut answer = vec![flags | settings.purpose, interrupt << 4 | action];
    answer.push(u8::try_from(settings.warn_before.as_secs()).unwrap_or(u8::MAX));
    answer.push(state.expired);
    for time in [settings.time, state.left.unwrap_or(settings.time)] {
        answer.extend(u16::try_from(time.as_millis() / 100).unwrap_or(u16::MAX).to_le_bytes());
    }
    Ok(answer)
}
