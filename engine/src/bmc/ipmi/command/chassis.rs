//! The chassis: its power, its light, what it remembers.

use std::time::Duration;

use super::{
    super::{
        completion::{Completion, Reply},
        privilege::Privilege,
    },
    CHANNEL, Command, Cx, command,
};
use crate::bmc::{Cause, Identify, MachineError, Verb};

pub const COMMANDS: &[Command] = &[
    command(0x00, Privilege::User, capabilities),
    command(0x01, Privilege::User, status),
    command(0x02, Privilege::Operator, control),
    command(0x04, Privilege::Operator, identify),
    command(0x06, Privilege::Operator, set_restore_policy),
    command(0x07, Privilege::User, restart_cause),
    command(0x0f, Privilege::User, time_on),
];

fn capabilities(_: &mut Cx<'_>, _: &[u8]) -> Reply {
    /// It can interrupt the machine.
    const DIAGNOSTIC_INTERRUPT: u8 = 0x04;
    const BMC: u8 = 0x20;
    Ok(vec![DIAGNOSTIC_INTERRUPT, BMC, BMC, BMC, BMC, BMC])
}

fn status(cx: &mut Cx<'_>, _: &[u8]) -> Reply {
    const ON: u8 = 0x01;
    const ON_BY_IPMI: u8 = 0x10;
    const CAN_IDENTIFY: u8 = 0x40;
    /// There are no mains that could fail and return: what powers a machine on with its lab is the lab file.
    const POLICY_UNKNOWN: u8 = 0x60;
    let chassis = cx.bmc.chassis();
    let is_on = cx.bmc.power().is_on();
    let by_ipmi = is_on && chassis.restart_cause == Cause::Ipmi;
    let light = match chassis.identify {
        Identify::Off => 0,
        Identify::Until(_) => 1,
        Identify::On => 2,
    };
    Ok(vec![
        POLICY_UNKNOWN | if is_on { ON } else { 0 },
        if by_ipmi { ON_BY_IPMI } else { 0 },
        CAN_IDENTIFY | light << 4,
        // No button of the front panel is locked, and none can be.
        0,
    ])
}

fn control(cx: &mut Cx<'_>, data: &[u8]) -> Reply {
    let &[action] = data else {
        return Err(Completion::LENGTH);
    };
    let verb = match action & 0xf {
        0 => Verb::Off,
        1 => Verb::On,
        2 => Verb::Cycle,
        3 => Verb::Reset,
        4 => Verb::Nmi,
        5 => Verb::Shutdown,
        _ => return Err(Completion::INVALID_FIELD),
    };
    if verb == Verb::Cycle && !cx.bmc.power().is_on() {
        return Err(Completion::STATE);
    }
    match cx.bmc.begin(verb, Cause::Ipmi) {
        Ok(()) => Ok(vec![]),
        Err(MachineError::Conflict(_)) => Err(Completion::STATE),
        Err(MachineError::Unsupported(_)) => Err(Completion::INVALID_FIELD),
        Err(MachineError::Failed(_) | MachineError::Unavailable(_)) => Err(Completion::UNSPECIFIED),
    }
}

fn identify(cx: &mut Cx<'_>, data: &[u8]) -> Reply {
    /// How long the light is lit if nothing is said.
    const SECONDS: u8 = 15;
    const FOR_GOOD: u8 = 0x01;
    let seconds = data.first().copied().unwrap_or(SECONDS);
    let for_good = data.get(1).is_some_and(|flags| flags & FOR_GOOD != 0);
    cx.bmc.identify(if for_good {
        Identify::On
    } else {
        Identify::lasting(Duration::from_secs(seconds.into()))
    });
    Ok(vec![])
}

fn set_restore_policy(_: &mut Cx<'_>, data: &[u8]) -> Reply {
    const NO_CHANGE: u8 = 3;
    const NONE_SUPPORTED: u8 = 0;
    match data {
        // How clients ask which policies there are.
        &[policy] if policy & 7 == NO_CHANGE => Ok(vec![NONE_SUPPORTED]),
        [_] => Err(Completion::INVALID_FIELD),
        _ => Err(Completion::LENGTH),
    }
}

fn restart_cause(cx: &mut Cx<'_>, _: &[u8]) -> Reply {
    const UNKNOWN: u8 = 0;
    const CONTROL: u8 = 1;
    const WATCHDOG: u8 = 4;
    const SOFT_RESET: u8 = 10;
    let cause = match cx.bmc.chassis().restart_cause {
        Cause::Ipmi | Cause::Redfish => CONTROL,
        Cause::Watchdog => WATCHDOG,
        Cause::Guest => SOFT_RESET,
        Cause::Other => UNKNOWN,
    };
    Ok(vec![cause, CHANNEL])
}

/// In minutes: labs don't live for many hours.
fn time_on(cx: &mut Cx<'_>, _: &[u8]) -> Reply {
    const MINUTES_PER_COUNT: u8 = 1;
    let minutes = u32::try_from(cx.bmc.time_on().as_secs() / 60).unwrap_or(u32::MAX);
    Ok([&[MINUTES_PER_COUNT], minutes.to_le_bytes().as_slice()].concat())
}
