//! The links a plan asks for, as requests to the kernel: a pure function.
//!
//! Links get their indices here, so that a request can refer to a link that an earlier request of the same burst makes.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::{
    error::FabricError,
    netlink::{Place, Request, VethEnd},
};
use crate::plan::{End, Link, Network, Plan, Shape};

/// Index of the first link in the fabric. The kernel looks for the index of a new link also in the namespace of the
/// sender, so the fabric's range and that of the lab's namespaces are apart.
const FABRIC_BASE: u32 = 100_000;

/// Index of `eth0` in a namespace of the lab. Below are `lo` and the devices some modules add to every namespace.
const NAMESPACE_BASE: u32 = 100;

/// Indices are signed in the kernel.
const LAST_INDEX: u32 = i32::MAX.unsigned_abs();

/// Everything to make, in the order it must be made.
#[derive(Debug, Default)]
pub struct Layout<'p> {
    /// MTU the links get, in bytes; none is the kernel's default.
    pub requested_mtu: Option<u32>,
    /// MTU the links will have, in bytes.
    pub mtu: u32,
    /// Bridges.
    pub bridges: Vec<Request<'p>>,
    /// Taps, to be made by ioctl.
    pub taps: Vec<TapPort<'p>>,
    /// Pairs with an end on the host.
    pub host_ends: Vec<HostEnd<'p>>,
    /// Pairs between namespaces of the lab, or between one and the fabric.
    pub pairs: Vec<Request<'p>>,
    /// Interfaces by namespace, in the order of their numbers.
    pub namespaces: BTreeMap<&'p str, BTreeMap<u32, Interface<'p>>>,
}

/// A tap and the bridge it is a port of.
#[derive(Debug)]
pub struct TapPort<'p> {
    /// Its name in the fabric.
    pub name: &'p str,
    /// Its index in the fabric.
    pub index: u32,
    /// Index of its bridge.
    pub master: u32,
    /// Its queues.
    pub queues: u32,
    /// The node it is for.
    pub node: &'p str,
    /// Index among the node's interfaces.
    pub nic: usize,
}

/// An interface of the host, and the pair it is an end of.
#[derive(Debug)]
pub struct HostEnd<'p> {
    /// The network, and the interface.
    pub name: &'p str,
    /// Its address.
    pub address: IpNet,
    /// The request that makes the pair.
    pub pair: Request<'p>,
}

/// An interface of a namespace of the lab.
#[derive(Debug)]
pub struct Interface<'p> {
    /// `ethN`.
    pub name: &'p str,
    /// Its addresses.
    pub addresses: &'p [IpNet],
    /// Whether it is the first end of a pair, up before the other.
    pub first: bool,
}

impl<'p> Layout<'p> {
    /// Returns what a plan asks for, or says why it can't be made.
    pub fn of(plan: &'p Plan) -> Result<Self, FabricError> {
        let mut layout = Self {
            requested_mtu: plan.mtu.value,
            mtu: plan.mtu.effective(),
            ..Self::default()
        };
        let mut indices = FABRIC_BASE..LAST_INDEX;
        for namespace in &plan.namespaces {
            layout.namespaces.entry(&namespace.name).or_default();
        }
        for network in &plan.networks {
            layout.add(network, &mut indices).map_err(|reason| FabricError::Plan {
                network: network.name.clone(),
                reason,
            })?;
        }
        Ok(layout)
    }

    fn add(&mut self, network: &'p Network, indices: &mut impl Iterator<Item = u32>) -> Result<(), String> {
        let mtu = self.requested_mtu;
        let mut next = || indices.next().ok_or_else(|| "there are too many links".to_owned());
        match (network.shape, network.links.as_slice()) {
            (Shape::Nothing, []) => Ok(()),
            (Shape::Stub, [link]) => self.add_port(network, link, None, next()?),
            (Shape::Veth, [a, b]) => self.add_pair(network, a, b),
            (Shape::Bridge, links) => {
                let bridge = next()?;
                self.bridges.push(Request::Bridge {
                    name: &network.name,
                    index: bridge,
                    mtu,
                });
                for link in links {
                    self.add_port(network, link, Some(bridge), next()?)?;
                }
                Ok(())
            }
            (shape, links) => Err(format!("the shape {shape:?} does not go with {} links", links.len())),
        }
    }

    /// Adds a link whose other end is in the fabric.
    fn add_port(
        &mut self,
        network: &'p Network,
        link: &'p Link,
        master: Option<u32>,
        index: u32,
    ) -> Result<(), String> {
        let mtu = self.requested_mtu;
        let name = link.port.as_deref().ok_or_else(|| format!("{} has no port", link.id))?;
        let main = VethEnd {
            name,
            index: Some(index),
            mac: None,
            place: Place::Here,
        };
        match &link.end {
            End::Node { node, nic, queues, .. } => {
                let master = master.ok_or_else(|| format!("{} is not on a bridge", link.id))?;
                self.taps.push(TapPort {
                    name,
                    index,
                    master,
                    queues: *queues,
                    node,
                    nic: *nic,
                });
            }
            End::Host { address, .. } => {
                let pair = Request::Veth {
                    main,
                    master,
                    peer: self.end(network, link, false)?,
                    mtu,
                };
                self.host_ends.push(HostEnd {
                    name: &network.name,
                    address: *address,
                    pair,
                });
            }
            End::Namespace { .. } => {
                let peer = self.end(network, link, false)?;
                self.pairs.push(Request::Veth {
                    main,
                    master,
                    peer,
                    mtu,
                });
            }
        }
        Ok(())
    }

    /// Adds a pair straight between two namespaces, or a namespace and the host. The host's end is always the second:
    /// the first is up from the start.
    fn add_pair(&mut self, network: &'p Network, a: &'p Link, b: &'p Link) -> Result<(), String> {
        let mtu = self.requested_mtu;
        let (main, peer) = if matches!(a.end, End::Host { .. }) {
            (b, a)
        } else {
            (a, b)
        };
        let pair = Request::Veth {
            main: self.end(network, main, true)?,
            master: None,
            peer: self.end(network, peer, false)?,
            mtu,
        };
        match (&main.end, &peer.end) {
            (End::Host { .. }, _) => Err("both ends are the host's".to_owned()),
            (_, End::Host { address, .. }) => {
                self.host_ends.push(HostEnd {
                    name: &network.name,
                    address: *address,
                    pair,
                });
                Ok(())
            }
            _ => {
                self.pairs.push(pair);
                Ok(())
            }
        }
    }

    /// Returns the end of a pair that a namespace or the host sees.
    fn end(&mut self, network: &'p Network, link: &'p Link, first: bool) -> Result<VethEnd<'p>, String> {
        match &link.end {
            End::Host { mac, .. } => Ok(VethEnd {
                name: &network.name,
                index: None,
                mac: Some(*mac),
                place: Place::Host,
            }),
            End::Namespace {
                namespace,
                interface,
                mac,
                addresses,
            } => {
                let interfaces = self
                    .namespaces
                    .get_mut(namespace.as_str())
                    .ok_or_else(|| format!("there is no namespace {namespace:?}"))?;
                let index = interface
                    .strip_prefix("eth")
                    .and_then(|n| n.parse::<u16>().ok())
                    .map(|n| NAMESPACE_BASE + u32::from(n))
                    .ok_or_else(|| format!("{interface:?} is no ethN"))?;
                interfaces.insert(
                    index,
                    Interface {
                        name: interface,
                        addresses,
                        first,
                    },
                );
                Ok(VethEnd {
                    name: interface,
                    index: Some(index),
                    mac: Some(*mac),
                    place: Place::Namespace(namespace),
                })
            }
            End::Node { node, .. } => Err(format!("the node {node:?} needs a bridge")),
        }
    }
}
