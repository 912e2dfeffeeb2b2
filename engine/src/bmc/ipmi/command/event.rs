//! Events: where they go, and taking those of others.

use super::{
    super::{
        completion::{Completion, Reply},
        privilege::Privilege,
    },
    Command, Cx, command,
};
use crate::bmc::Occurrence;

pub const COMMANDS: &[Command] = &[
    command(0x01, Privilege::User, receiver),
    command(0x02, Privilege::Operator, platform_event),
    command(0x10, Privilege::User, filter_capabilities),
];

/// Events are received by the BMC itself.
fn receiver(_: &mut Cx<'_>, _: &[u8]) -> Reply {
    Ok(vec![0x20, 0])
}

/// Logs an event that a client tells of.
fn platform_event(cx: &mut Cx<'_>, data: &[u8]) -> Reply {
    const SYSTEM_EVENT: u8 = 0x02;
    /// Software of a remote console: the first of its software ids (IPMI 2.0, table 5-4), and that it is one.
    const GENERATOR: [u8; 2] = [0x40 << 1 | 1, 0];
    let (&[version, kind, number, form, d1], more) = data.split_first_chunk::<5>().ok_or(Completion::LENGTH)?;
    let data = |at: usize| more.get(at).copied().unwrap_or(0xff);
    let time = super::sel::seconds(cx.bmc.log().now()).to_le_bytes();
    let mut record = [0; 14];
    let fields = [SYSTEM_EVENT].into_iter().chain(time).chain(GENERATOR);
    let fields = fields.chain([version, kind, number, form, d1, data(0), data(1)]);
    record.iter_mut().zip(fields).for_each(|(to, from)| *to = from);
    cx.bmc.log().add(Occurrence::Added(record));
    Ok(vec![])
}

/// There is no event filter and no alert: version 1.5 of them, no action, no entry.
fn filter_capabilities(_: &mut Cx<'_>, _: &[u8]) -> Reply {
    Ok(vec![0x51, 0, 0])
}
