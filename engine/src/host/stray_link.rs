//! Links of a dead lab that the kernel has not got round to remove.
//!
//! The host end of a veth pair goes when the namespace of its other end does, but that is done by a worker of the kernel
//! some time after the last process has gone, and a lab that starts again would find the name taken.

use netlink_packet_core::NLM_F_ACK;
use netlink_packet_route::{
    RouteNetlinkMessage,
    link::{LinkAttribute, LinkMessage},
};

use super::{
    labdir,
    link::{ask, find, is_gone},
    undo::{Context, Refusal, Undo},
};
use crate::plan::Mac;

/// Removes the link of this name if it has this MAC address and no living lab claims it; returns whether it was there.
pub(super) fn remove(context: &Context, name: &str, mac: &str) -> Result<bool, Refusal> {
    let Some(link) = find(name)? else { return Ok(false) };
    if !mac_of(&link).is_some_and(|found| found.eq_ignore_ascii_case(mac)) {
        return Err(Refusal::Other("another link of that name is there now"));
    }
    // MAC addresses are made from names: the same lab file under another lab's name gives the same ones.
    let claimed = |undo: &Undo| matches!(undo, Undo::HostLink { name: other, .. } if other == name);
    if labdir::other_live_records(context).iter().any(claimed) {
        return Err(Refusal::Other("another lab has it now"));
    }
    let mut request = LinkMessage::default();
    request.header.index = link.header.index;
    match ask(RouteNetlinkMessage::DelLink(request), NLM_F_ACK) {
        Ok(_) => Ok(true),
        Err(error) if is_gone(&error) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn mac_of(link: &LinkMessage) -> Option<String> {
    link.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::Address(bytes) => Some(Mac(bytes.as_slice().try_into().ok()?).to_string()),
        _ => None,
    })
}
