//! The chassis: its power, its light, what it remembers.

use std::time::Duration;

use super::{
    super::{
        completion::{Completion, Reply},
        privilege::Privilege,
    },
    CHANNEL, Command, Cx, command,
};
use crate::{
    bmc::{Cause, Identify, MachineError, Verb},
    plan::RestorePolicy,
};

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
    let chassis = cx.bmc.chassis();
    let is_on = cx.bmc.power().is_on();
    let by_ipmi = is_on && chassis.restart_cause == Cause::Ipmi;
    let light = match chassis.identify {
        Identify::Off => 0,
        Identify::Until(_) => 1,
        Identify::On => 2,
    };
    Ok(vec![
        policy_number(cx.bmc.restore_policy()) << 5 | if is_on { ON } else { 0 },
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
    let begun = cx.bmc.begin(verb, Cause::Ipmi).map_err(|error| refusal(&error))?;
    // A client that is not answered asks again: only what does nothing when done twice may take its time.
    *cx.begun = matches!(verb, Verb::On | Verb::Off).then_some(begun);
    Ok(vec![])
}

fn refusal(error: &MachineError) -> Completion {
    match error {
        MachineError::Conflict(_) => Completion::STATE,
        MachineError::Unsupported(_) => Completion::INVALID_FIELD,
        MachineError::Failed(_) | MachineError::Unavailable(_) => Completion::UNSPECIFIED,
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

/// All policies, by their numbers.
const POLICIES: [RestorePolicy; 3] = [
    RestorePolicy::AlwaysOff,
    RestorePolicy::Previous,
    RestorePolicy::AlwaysOn,
];

fn policy_number(policy: RestorePolicy) -> u8 {
    match policy {
        RestorePolicy::AlwaysOff => 0,
        RestorePolicy::Previous => 1,
        RestorePolicy::AlwaysOn => 2,
    }
}

fn set_restore_policy(cx: &mut Cx<'_>, data: &[u8]) -> Reply {
    /// How clients ask which policies there are.
    const NO_CHANGE: u8 = 3;
    const ALL_SUPPORTED: u8 = 0b111;
    let &[number] = data else {
        return Err(Completion::LENGTH);
    };
    let number = number & 7;
    if number != NO_CHANGE {
        let policy = POLICIES.get(usize::from(number)).ok_or(Completion::INVALID_FIELD)?;
        let kept = cx.bmc.set_restore_policy(*policy);
        kept.map_err(|error| refusal(&error))?;
    }
    Ok(vec![ALL_SUPPORTED])
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
