//! Users: names, passwords and what they may do. What is set here holds for every face.

use super::{
    super::{
        completion::{Completion, Reply},
        privilege::Privilege,
        settings::Access,
    },
    Command, Cx, check_channel, command,
};
use crate::bmc::{AccountError, Accounts, LONGEST_NAME, Secret};

pub const COMMANDS: &[Command] = &[
    command(0x43, Privilege::Administrator, set_access),
    command(0x44, Privilege::Operator, access),
    command(0x45, Privilege::Administrator, set_name),
    command(0x46, Privilege::Operator, name),
    command(0x47, Privilege::Administrator, set_password),
];

/// The user without a name, who can do nothing here.
const NOBODY: u8 = 1;
/// The privilege of who has none.
const NO_ACCESS: u8 = 0x0f;

impl From<AccountError> for Completion {
    fn from(_: AccountError) -> Self {
        Self::INVALID_FIELD
    }
}

fn check_id(byte: u8) -> Result<u8, Completion> {
    let id = byte & 0x3f;
    let known = (NOBODY..=Accounts::last_id()).contains(&id);
    if known { Ok(id) } else { Err(Completion::INVALID_FIELD) }
}

fn set_access(cx: &mut Cx<'_>, data: &[u8]) -> Reply {
    const CHANGE: u8 = 0x80;
    let (&[flags, id, limit], _) = data.split_first_chunk::<3>().ok_or(Completion::LENGTH)?;
    check_channel(flags)?;
    let id = check_id(id)?;
    let role = match limit & 0xf {
        NO_ACCESS => None,
        number => Some(Privilege::from_number(number).ok_or(Completion::INVALID_FIELD)?.role()),
    };
    let enabled = cx.bmc.accounts().get(id).is_some_and(|account| account.enabled);
    cx.bmc.accounts().set_access(id, role, enabled)?;
    let settings = cx.settings.access(id).ok_or(Completion::INVALID_FIELD)?;
    if flags & CHANGE != 0 {
        *settings = Access {
            callback_only: flags & 0x40 != 0,
            link: flags & 0x20 != 0,
            messaging: flags & 0x10 != 0,
            sol: settings.sol,
        };
    }
    Ok(vec![])
}

fn access(cx: &mut Cx<'_>, data: &[u8]) -> Reply {
    const ENABLED: u8 = 0x40;
    const DISABLED: u8 = 0x80;
    /// The user without a name.
    const FIXED_NAMES: u8 = 1;
    let &[channel, id] = data else {
        return Err(Completion::LENGTH);
    };
    check_channel(channel)?;
    let id = check_id(id)?;
    let accounts = cx.bmc.accounts().list();
    let enabled = accounts.iter().filter(|account| account.enabled).count();
    let account = accounts.iter().find(|account| account.id == id);
    let status = if account.is_some_and(|account| account.enabled) {
        ENABLED
    } else {
        DISABLED
    };
    let role = account.and_then(|account| account.role);
    let privilege = role.map_or(NO_ACCESS, |role| Privilege::from(role).number());
    let access = *cx.settings.access(id).ok_or(Completion::INVALID_FIELD)?;
    let flag = |set: bool, bit: u8| if set { bit } else { 0 };
    let usable = account.is_some();
    Ok(vec![
        Accounts::last_id(),
        status | u8::try_from(enabled).unwrap_or(u8::MAX) & 0x3f,
        FIXED_NAMES,
        flag(access.callback_only && usable, 0x40)
            | flag(access.link && usable, 0x20)
            | flag(access.messaging && usable, 0x10)
            | privilege,
    ])
}

fn set_name(cx: &mut Cx<'_>, data: &[u8]) -> Reply {
    let (&id, name) = data.split_first().ok_or(Completion::LENGTH)?;
    if name.len() > LONGEST_NAME {
        return Err(Completion::LENGTH);
    }
    let id = check_id(id)?;
    let name = std::str::from_utf8(trim(name)).map_err(|_| Completion::INVALID_FIELD)?;
    if name.is_empty() && id != NOBODY {
        // There is no other way to be rid of an account.
        cx.bmc.accounts().remove(id);
    } else {
        cx.bmc.accounts().set_name(id, name)?;
    }
    Ok(vec![])
}

fn name(cx: &mut Cx<'_>, data: &[u8]) -> Reply {
    let &[id] = data else { return Err(Completion::LENGTH) };
    let account = cx.bmc.accounts().get(check_id(id)?);
    let mut name = account.map(|account| account.name.into_bytes()).unwrap_or_default();
    name.resize(LONGEST_NAME, 0);
    Ok(name)
}

fn set_password(cx: &mut Cx<'_>, data: &[u8]) -> Reply {
    const LONG: u8 = 0x80;
    const WRONG: Completion = Completion::COMMAND_SPECIFIC;
    const WRONG_LENGTH: Completion = Completion::COMMAND_SPECIFIC_1;
    let (&[id_byte, operation], password) = data.split_first_chunk::<2>().ok_or(Completion::LENGTH)?;
    let id = check_id(id_byte)?;
    let accounts = cx.bmc.accounts();
    let length = if id_byte & LONG == 0 { 16 } else { 20 };
    let password = || {
        let whole = (password.len() == length).then(|| trim(password));
        whole.ok_or(Completion::LENGTH)
    };
    match operation & 3 {
        0 | 1 => {
            let role = accounts.get(id).and_then(|account| account.role);
            accounts.set_access(id, role, operation & 3 == 1)?;
        }
        2 => accounts.set_password(id, Secret::new(password()?))?,
        _ => {
            let known = accounts.get(id).and_then(|account| account.password);
            let known = known.ok_or(WRONG)?;
            let guess = password()?;
            if known.bytes().len() > length {
                return Err(WRONG_LENGTH);
            }
            if !known.is(guess) {
                return Err(WRONG);
            }
        }
    }
    Ok(vec![])
}

/// Without the zeros that fill a field.
fn trim(field: &[u8]) -> &[u8] {
    let end = field.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    &field[..end]
}
