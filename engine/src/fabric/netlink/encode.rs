//! Requests as bytes for the kernel.

use std::os::fd::AsRawFd;

use ipnet::IpNet;
use netlink_packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    address::{AddressAttribute, AddressFlags, AddressHeaderFlags, AddressMessage, AddressScope},
    link::{BridgeStpState, InfoBridge, InfoData, InfoKind, InfoVeth, LinkAttribute, LinkFlags, LinkInfo, LinkMessage},
};

use super::{
    request::{Place, Request, VethEnd},
    socket::Namespaces,
};

/// Bit 14: frames to 01:80:c2:00:00:0e (LLDP, IEEE 802.1AB), which bridges otherwise keep to themselves.
const GROUP_FWD_LLDP: u16 = 1 << 14;

/// Appends a request to `buffer`; with `ack` the kernel answers also when it succeeds.
///
/// Returns `None` if the request names a namespace that is not known.
pub fn append(
    request: &Request,
    sequence: u32,
    ack: bool,
    namespaces: &Namespaces,
    buffer: &mut Vec<u8>,
) -> Option<()> {
    let (message, flags) = message(request, namespaces)?;
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | flags | if ack { NLM_F_ACK } else { 0 };
    header.sequence_number = sequence;
    let mut message = NetlinkMessage::new(header, NetlinkPayload::from(message));
    message.finalize();
    let start = buffer.len();
    // Messages start on multiples of four bytes (NLMSG_ALIGN).
    buffer.resize(start + message.buffer_len().next_multiple_of(4), 0);
    message.serialize(&mut buffer[start..]);
    Some(())
}

fn message(request: &Request, namespaces: &Namespaces) -> Option<(RouteNetlinkMessage, u16)> {
    const NEW: u16 = NLM_F_CREATE | NLM_F_EXCL;
    Some(match request {
        Request::Bridge { name, index, mtu } => (RouteNetlinkMessage::NewLink(bridge(name, *index, *mtu)), NEW),
        Request::Veth {
            main,
            master,
            peer,
            mtu,
        } => (
            RouteNetlinkMessage::NewLink(veth(main, *master, peer, *mtu, namespaces)?),
            NEW,
        ),
        Request::Attach { index, master, mtu, .. } => {
            let mut link = up(link(*index));
            link.attributes.push(LinkAttribute::Controller(*master));
            link.attributes.extend(mtu.map(LinkAttribute::Mtu));
            (RouteNetlinkMessage::SetLink(link), 0)
        }
        Request::Up { index, .. } => (RouteNetlinkMessage::SetLink(up(link(*index))), 0),
        Request::Mtu { index, mtu, .. } => {
            let mut link = link(*index);
            link.attributes.push(LinkAttribute::Mtu(*mtu));
            (RouteNetlinkMessage::SetLink(link), 0)
        }
        Request::Address { index, address, .. } => (
            RouteNetlinkMessage::NewAddress(address_message(*index, *address)),
            NLM_F_CREATE | NLM_F_REPLACE,
        ),
        Request::Find { name } => {
            let mut link = LinkMessage::default();
            link.attributes.push(LinkAttribute::IfName((*name).to_owned()));
            (RouteNetlinkMessage::GetLink(link), 0)
        }
        Request::Delete { index, .. } => (RouteNetlinkMessage::DelLink(link(*index)), 0),
    })
}

fn link(index: u32) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message
}

fn up(mut message: LinkMessage) -> LinkMessage {
    message.header.flags = LinkFlags::Up;
    message.header.change_mask = LinkFlags::Up;
    message
}

fn bridge(name: &str, index: u32, mtu: Option<u32>) -> LinkMessage {
    let options = vec![
        InfoBridge::ForwardDelay(0),
        InfoBridge::StpState(BridgeStpState::Disabled),
        InfoBridge::MulticastSnooping(false),
        InfoBridge::GroupFwdMask(GROUP_FWD_LLDP),
    ];
    let mut message = up(link(index));
    message.attributes = vec![
        LinkAttribute::IfName(name.to_owned()),
        LinkAttribute::LinkInfo(vec![
            LinkInfo::Kind(InfoKind::Bridge),
            LinkInfo::Data(InfoData::Bridge(options)),
        ]),
    ];
    message.attributes.extend(mtu.map(LinkAttribute::Mtu));
    message
}

fn veth(
    main: &VethEnd,
    master: Option<u32>,
    peer: &VethEnd,
    mtu: Option<u32>,
    namespaces: &Namespaces,
) -> Option<LinkMessage> {
    let peer = veth_end(peer, mtu, namespaces)?;
    let mut message = up(veth_end(main, mtu, namespaces)?);
    message.attributes.extend(master.map(LinkAttribute::Controller));
    message.attributes.push(LinkAttribute::LinkInfo(vec![
        LinkInfo::Kind(InfoKind::Veth),
        LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(peer))),
    ]));
    Some(message)
}

/// One queue each way: by default the kernel makes as many as there are processors, at a cost for each.
fn veth_end(end: &VethEnd, mtu: Option<u32>, namespaces: &Namespaces) -> Option<LinkMessage> {
    let mut message = link(end.index.unwrap_or(0));
    message.attributes = vec![
        LinkAttribute::IfName(end.name.to_owned()),
        LinkAttribute::NumTxQueues(1),
        LinkAttribute::NumRxQueues(1),
    ];
    message
        .attributes
        .extend(end.mac.map(|mac| LinkAttribute::Address(mac.0.to_vec())));
    message.attributes.extend(mtu.map(LinkAttribute::Mtu));
    put_in(end.place, namespaces, &mut message)?;
    Some(message)
}

/// Adds the namespace a link is to be made in, unless it is the sender's own.
fn put_in(place: Place, namespaces: &Namespaces, message: &mut LinkMessage) -> Option<()> {
    let netns = match place {
        Place::Here => return Some(()),
        Place::Host => namespaces.host,
        Place::Namespace(name) => *namespaces.lab.get(name)?,
    };
    message.attributes.push(LinkAttribute::NetNsFd(netns.as_raw_fd()));
    Some(())
}

fn address_message(index: u32, address: IpNet) -> AddressMessage {
    let mut message = AddressMessage::default();
    message.header.family = if address.addr().is_ipv4() {
        AddressFamily::Inet
    } else {
        AddressFamily::Inet6
    };
    message.header.prefix_len = address.prefix_len();
    message.header.scope = AddressScope::Universe;
    message.header.index = index;
    message.attributes = vec![
        AddressAttribute::Local(address.addr()),
        AddressAttribute::Address(address.addr()),
    ];
    if address.addr().is_ipv6() {
        // Both places: older kernels read the header's eight bits only.
        message.header.flags = AddressHeaderFlags::Nodad;
        message.attributes.push(AddressAttribute::Flags(AddressFlags::Nodad));
    }
    message
}
