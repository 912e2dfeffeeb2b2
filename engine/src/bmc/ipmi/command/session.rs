//! Sessions: what they may do, who has one, their end.

use std::net::{IpAddr, Ipv4Addr};

use super::{
    super::{
        completion::{Completion, Reply},
        privilege::Privilege,
        session::{MOST_SESSIONS, Session},
    },
    CHANNEL, Command, Cx, Then, command,
};

pub const COMMANDS: &[Command] = &[
    command(0x3b, Privilege::Callback, set_privilege),
    command(0x3c, Privilege::Callback, close),
    command(0x3d, Privilege::User, info),
];

fn set_privilege(cx: &mut Cx<'_>, data: &[u8]) -> Reply {
    let &[wanted] = data else {
        return Err(Completion::LENGTH);
    };
    let session = cx.session()?;
    if wanted & 0xf != 0 {
        let wanted = Privilege::from_number(wanted & 0xf).ok_or(Completion::INVALID_FIELD)?;
        if wanted > session.limit {
            return Err(Completion::COMMAND_SPECIFIC_1);
        }
        session.privilege = wanted;
    }
    Ok(vec![session.privilege.number()])
}

fn close(cx: &mut Cx<'_>, data: &[u8]) -> Reply {
    const NO_SESSION: Completion = Completion(0x87);
    let (id, _) = data.split_first_chunk::<4>().ok_or(Completion::LENGTH)?;
    let id = u32::from_le_bytes(*id);
    let session = cx.session()?;
    if session.id == id {
        cx.then = Then::Close;
        return Ok(vec![]);
    }
    if session.privilege < Privilege::Administrator {
        return Err(Completion::PRIVILEGE);
    }
    let ended = cx.table.take(id).ok_or(NO_SESSION)?;
    if cx.sol.as_ref().is_some_and(|sol| sol.session() == ended.id) {
        *cx.sol = None;
    }
    Ok(vec![])
}

fn info(cx: &mut Cx<'_>, data: &[u8]) -> Reply {
    let own: &Session = cx.session.as_deref().ok_or(Completion::PRIVILEGE)?;
    let mut all = cx.table.list();
    all.push(own);
    all.sort_by_key(|session| session.handle);
    let found = match *data {
        [0] => Some(own),
        [index @ 1..=0xfd] => all.get(usize::from(index) - 1).copied(),
        [0xfe, handle] => all.iter().copied().find(|session| session.handle == handle),
        [0xff, a, b, c, d] => {
            let id = u32::from_le_bytes([a, b, c, d]);
            all.iter().copied().find(|session| session.id == id)
        }
        _ => return Err(Completion::LENGTH),
    };
    let count = |number: usize| u8::try_from(number).unwrap_or(u8::MAX) & 0x3f;
    let mut answer = vec![
        found.map_or(0, |session| session.handle),
        count(MOST_SESSIONS),
        count(all.len()),
    ];
    if let Some(session) = found {
        const RMCP_PLUS: u8 = 1;
        answer.extend([session.account, session.privilege.number(), RMCP_PLUS << 4 | CHANNEL]);
        answer.extend(match session.remote.ip() {
            IpAddr::V4(address) => address.octets(),
            // There is no room for another family's.
            IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED.octets(),
        });
        answer.extend([0; 6]);
        answer.extend(session.remote.port().to_le_bytes());
    }
    Ok(answer)
}
