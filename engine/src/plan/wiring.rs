//! Networks and their links: who is attached to what, by which port and with which MAC, and what each network is made
//! of.

use std::collections::{HashMap, HashSet};

use super::{
    End, Link, Mac, Network, NetworkKind, PlanError, Shape,
    identity::{Macs, Ports},
};
use crate::spec::model as spec;

/// What a network namespace has before anyone makes a link in it.
const LOOPBACK: &str = "lo";

/// All networks with their links.
pub(super) struct Wiring {
    /// In the order of the spec.
    pub(super) networks: Vec<Network>,
    /// For each node of the spec the tap and MAC of each of its interfaces.
    pub(super) taps: Vec<Vec<Tap>>,
}

/// The tap behind a NIC of a node.
#[derive(Clone)]
pub(super) struct Tap {
    /// Its name in the fabric.
    pub(super) name: String,
    /// MAC as the guest sees it.
    pub(super) mac: Mac,
}

/// An attachment before it has a port and a MAC.
struct Attachment<'a> {
    id: String,
    /// Name of the port unless it doesn't fit.
    wish: String,
    /// Index of the network.
    network: usize,
    owner: Owner<'a>,
}

#[derive(Clone, Copy)]
enum Owner<'a> {
    Host(&'a spec::Network, ipnet::IpNet),
    Namespace(&'a spec::Namespace, usize),
    /// With the node's index.
    Node(usize, &'a spec::Node, usize),
}

impl Owner<'_> {
    /// The MAC that was written.
    fn mac(self) -> Option<Mac> {
        match self {
            Self::Node(_, node, nic) => node.interfaces[nic].mac.map(Mac),
            Self::Host(..) | Self::Namespace(..) => None,
        }
    }
}

/// Attaches everything to its network.
pub(super) fn wire(spec: &spec::Spec, errors: &mut Vec<PlanError>) -> Wiring {
    let attachments = attachments(spec, errors);
    check_ids(&attachments, errors);
    let taps = identify(spec, &attachments);
    let mut networks: Vec<Network> = spec.networks.iter().map(empty).collect();
    let mut node_taps = vec![Vec::new(); spec.nodes.len()];
    for (attachment, tap) in attachments.iter().zip(taps) {
        if let Owner::Node(index, ..) = attachment.owner {
            node_taps[index].push(tap.clone());
        }
        let link = Link {
            id: attachment.id.clone(),
            end: end(attachment.owner, tap.mac),
            port: Some(tap.name),
        };
        networks[attachment.network].links.push(link);
    }
    for network in &mut networks {
        network.shape = shape(&network.links);
        if network.shape == Shape::Veth {
            network.links.iter_mut().for_each(|link| link.port = None);
        }
    }
    Wiring {
        networks,
        taps: node_taps,
    }
}

/// Lists every attachment: the host's, then the namespaces', then the nodes', each in the order of the files.
fn attachments<'a>(spec: &'a spec::Spec, errors: &mut Vec<PlanError>) -> Vec<Attachment<'a>> {
    let by_name: HashMap<&str, usize> = spec
        .networks
        .iter()
        .enumerate()
        .map(|(index, network)| (network.name.as_str(), index))
        .collect();
    let mut find = |network: &str, user: &str, place: &spec::Place| {
        let found = by_name.get(network).copied();
        if found.is_none() {
            errors.push(PlanError::Dangling {
                place: place.clone(),
                user: user.to_owned(),
                kind: "network",
                name: network.to_owned(),
            });
        }
        found
    };
    let hosts = spec.networks.iter().enumerate().filter_map(|(index, network)| {
        Some(Attachment {
            id: format!("link/host/{}", network.name),
            wish: format!("{}.host", network.name),
            network: index,
            owner: Owner::Host(network, network.kind.address()?),
        })
    });
    let mut all: Vec<_> = hosts.collect();
    for namespace in &spec.namespaces {
        for (index, interface) in namespace.interfaces.iter().enumerate() {
            if let Some(network) = find(&interface.network, &namespace.name, &interface.place) {
                all.push(Attachment {
                    id: format!("link/{}/eth{index}", namespace.name),
                    wish: format!("{}.{index}", namespace.name),
                    network,
                    owner: Owner::Namespace(namespace, index),
                });
            }
        }
    }
    for (node_index, node) in spec.nodes.iter().enumerate() {
        for (index, interface) in node.interfaces.iter().enumerate() {
            if let Some(network) = find(&interface.network, &node.name, &interface.place) {
                all.push(Attachment {
                    id: format!("link/{}/{index}", node.name),
                    wish: format!("{}.{index}", node.name),
                    network,
                    owner: Owner::Node(node_index, node, index),
                });
            }
        }
    }
    all
}

/// Finds the rare names that make one id for two links: a node `host` and a network `0`.
fn check_ids(attachments: &[Attachment], errors: &mut Vec<PlanError>) {
    let mut seen = HashSet::new();
    for attachment in attachments {
        if !seen.insert(&attachment.id) {
            let (place, name) = match attachment.owner {
                Owner::Host(network, _) => (&network.place, &network.name),
                Owner::Namespace(namespace, _) => (&namespace.place, &namespace.name),
                Owner::Node(_, node, _) => (&node.place, &node.name),
            };
            errors.push(PlanError::SameId {
                place: place.clone(),
                name: name.clone(),
                id: attachment.id.clone(),
            });
        }
    }
}

/// Gives each attachment its port's name and its MAC. Ids are served in their own order, so that neither depends on
/// where in the files an object stands; and every network's name is kept free, so that no port is renamed when another
/// end makes a bridge of a veth pair.
fn identify(spec: &spec::Spec, attachments: &[Attachment]) -> Vec<Tap> {
    let reserved = spec.networks.iter().map(|network| network.name.clone());
    let mut ports = Ports::new(reserved.chain([LOOPBACK.to_owned()]));
    let mut macs = Macs::new(attachments.iter().filter_map(|attachment| attachment.owner.mac()));
    let mut order: Vec<usize> = (0..attachments.len()).collect();
    order.sort_by_key(|&index| &attachments[index].id);
    let mut taps: Vec<(usize, Tap)> = order
        .into_iter()
        .map(|index| {
            let Attachment { id, wish, owner, .. } = &attachments[index];
            (
                index,
                Tap {
                    name: ports.claim(wish, id),
                    mac: owner.mac().unwrap_or_else(|| macs.claim(id)),
                },
            )
        })
        .collect();
    taps.sort_by_key(|(index, _)| *index);
    taps.into_iter().map(|(_, tap)| tap).collect()
}

/// Returns a network without links.
fn empty(network: &spec::Network) -> Network {
    let (kind, nat) = match network.kind {
        spec::NetworkKind::Internal => (NetworkKind::Internal, false),
        spec::NetworkKind::External { nat, .. } => (NetworkKind::External, nat),
        spec::NetworkKind::Bmc { .. } => (NetworkKind::Bmc, false),
    };
    Network {
        id: format!("network/{}", network.name),
        name: network.name.clone(),
        kind,
        address: network.kind.address(),
        nat,
        shape: Shape::Nothing,
        links: Vec::new(),
    }
}

fn end(owner: Owner, mac: Mac) -> End {
    match owner {
        Owner::Host(_, address) => End::Host { mac, address },
        Owner::Namespace(namespace, index) => End::Namespace {
            namespace: namespace.name.clone(),
            interface: format!("eth{index}"),
            mac,
            addresses: namespace.interfaces[index].addresses.clone(),
        },
        Owner::Node(_, node, nic) => End::Node {
            node: node.name.clone(),
            nic,
            mac,
            queues: node.queues,
        },
    }
}

/// Returns the cheapest shape that joins these links. A tap can't be the end of a veth pair, so a node asks for a bridge.
fn shape(links: &[Link]) -> Shape {
    match links {
        [] => Shape::Nothing,
        links if links.iter().any(|link| matches!(link.end, End::Node { .. })) => Shape::Bridge,
        [_] => Shape::Stub,
        [_, _] => Shape::Veth,
        _ => Shape::Bridge,
    }
}
