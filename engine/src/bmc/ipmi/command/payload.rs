//! Payloads: turning Serial over LAN on and off.

use super::{
    super::{
        completion::{Completion, Reply},
        privilege::Privilege,
        server::PORT,
        sol::{LARGEST, Sol},
    },
    Command, Cx, check_channel, command,
};

pub const COMMANDS: &[Command] = &[
    command(0x48, Privilege::Operator, activate),
    command(0x49, Privilege::Operator, deactivate),
    command(0x4a, Privilege::User, activation_status),
    command(0x4b, Privilege::User, instance_info),
    command(0x4c, Privilege::Administrator, set_user_access),
    command(0x4d, Privilege::User, user_access),
    command(0x4e, Privilege::User, support),
    command(0x4f, Privilege::User, version),
    command(0x55, Privilege::Operator, encryption),
];

const IPMI: u8 = 0;
const SOL: u8 = 1;
/// The one instance of Serial over LAN.
const INSTANCE: u8 = 1;

fn check_instance(kind: u8, instance: u8) -> Result<(), Completion> {
    match (kind & 0x3f, instance & 0xf) {
        (SOL, INSTANCE) => Ok(()),
        _ => Err(Completion::INVALID_FIELD),
    }
}

fn activate(cx: &mut Cx<'_>, data: &[u8]) -> Reply {
    const ACTIVE: Completion = Completion::COMMAND_SPECIFIC;
    const DISABLED: Completion = Completion::COMMAND_SPECIFIC_1;
    const NOT_ENCRYPTED: Completion = Completion(0x84);
    const ENCRYPTED: u8 = 0x80;
    const AUTHENTICATED: u8 = 0x40;
    let &[kind, instance, flags, _, _, _] = data else {
        return Err(Completion::LENGTH);
    };
    check_instance(kind, instance)?;
    if flags & ENCRYPTED == 0 || flags & AUTHENTICATED == 0 {
        return Err(NOT_ENCRYPTED);
    }
    let (id, account, privilege) = cx
        .session()
        .map(|session| (session.id, session.account, session.privilege))?;
    if !cx.settings.admits_to_console(account, privilege) {
        return Err(Completion::PRIVILEGE);
    }
    if !cx.settings.sol.enabled {
        return Err(DISABLED);
    }
    if cx.sol.is_some() {
        return Err(ACTIVE);
    }
    let console = cx.bmc.console().ok_or(Completion::STATE)?;
    *cx.sol = Some(Sol::new(id, cx.bmc, &console, cx.settings.sol.retry));
    let mut answer = vec![0; 4];
    for size in [LARGEST, LARGEST] {
        answer.extend(u16::try_from(size).unwrap_or(u16::MAX).to_le_bytes());
    }
    answer.extend(PORT.to_le_bytes());
    // No VLAN.
    answer.extend([0xff, 0xff]);
    Ok(answer)
}

fn deactivate(cx: &mut Cx<'_>, data: &[u8]) -> Reply {
    let &[kind, instance, ..] = data else {
        return Err(Completion::LENGTH);
    };
    check_instance(kind, instance)?;
    match cx.sol.take() {
        Some(_) => Ok(vec![]),
        None => Err(Completion::COMMAND_SPECIFIC),
    }
}

fn activation_status(cx: &mut Cx<'_>, data: &[u8]) -> Reply {
    let &[kind] = data else { return Err(Completion::LENGTH) };
    check_instance(kind, INSTANCE)?;
    Ok(vec![INSTANCE, u8::from(cx.sol.is_some()), 0])
}

fn instance_info(cx: &mut Cx<'_>, data: &[u8]) -> Reply {
    let &[kind, instance] = data else {
        return Err(Completion::LENGTH);
    };
    check_instance(kind, instance)?;
    let mut answer = cx.sol.as_ref().map_or(0, Sol::session).to_le_bytes().to_vec();
    // The serial port's number, and nothing more.
    answer.extend([1, 0, 0, 0, 0, 0, 0, 0]);
    Ok(answer)
}

/// The bit of Serial over LAN among payloads.
const SOL_BIT: u8 = 1 << SOL;

fn set_user_access(cx: &mut Cx<'_>, data: &[u8]) -> Reply {
    let (&[channel, user, kinds], _) = data.split_first_chunk::<3>().ok_or(Completion::LENGTH)?;
    check_channel(channel)?;
    let access = cx.settings.access(user & 0x3f).ok_or(Completion::INVALID_FIELD)?;
    match (user >> 6, kinds & SOL_BIT) {
        (0, SOL_BIT) => access.sol = true,
        (1, SOL_BIT) => access.sol = false,
        (0 | 1, _) => {}
        _ => return Err(Completion::INVALID_FIELD),
    }
    Ok(vec![])
}

fn user_access(cx: &mut Cx<'_>, data: &[u8]) -> Reply {
    let &[channel, user] = data else {
        return Err(Completion::LENGTH);
    };
    check_channel(channel)?;
    let access = cx.settings.access(user & 0x3f).ok_or(Completion::INVALID_FIELD)?;
    Ok(vec![if access.sol { SOL_BIT } else { 0 }, 0, 0, 0])
}

fn support(_: &mut Cx<'_>, data: &[u8]) -> Reply {
    /// The open request and the RAKP messages.
    const SETUP: u8 = 0x3f;
    let &[channel] = data else {
        return Err(Completion::LENGTH);
    };
    check_channel(channel)?;
    Ok(vec![1 << IPMI | SOL_BIT, 0, SETUP, 0, 0, 0, 0, 0])
}

fn version(_: &mut Cx<'_>, data: &[u8]) -> Reply {
    /// 1.0, its digits the usual way round.
    const VERSION: u8 = 0x10;
    let &[channel, kind] = data else {
        return Err(Completion::LENGTH);
    };
    check_channel(channel)?;
    match kind & 0x3f {
        IPMI | SOL | 0x10..=0x15 => Ok(vec![VERSION]),
        _ => Err(Completion::COMMAND_SPECIFIC),
    }
}

/// Sessions are encrypted throughout: to resume that changes nothing, to suspend it is refused.
fn encryption(_: &mut Cx<'_>, data: &[u8]) -> Reply {
    /// "Operation not allowed under present configuration".
    const REFUSED: Completion = Completion::COMMAND_SPECIFIC_1;
    let &[kind, operation] = data else {
        return Err(Completion::LENGTH);
    };
    if !matches!(kind & 0x3f, IPMI | SOL) {
        return Err(Completion::INVALID_FIELD);
    }
    match operation & 0x1f {
        0 => Err(REFUSED),
        1 | 2 => Ok(vec![]),
        _ => Err(Completion::INVALID_FIELD),
    }
}
