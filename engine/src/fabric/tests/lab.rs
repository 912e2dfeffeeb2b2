//! Small plans, put together by hand. Benchmarks use this file too.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use ipnet::IpNet;

use crate::plan::{End, Link, Mac, Mtu, MtuSource, Namespace, Network, NetworkKind, Paths, Plan, Shape};

/// A plan in the making.
pub struct Lab {
    plan: Plan,
    interfaces: BTreeMap<String, usize>,
    links: u32,
    always_bridges: bool,
}

/// An attachment to a network.
#[derive(Clone, Copy)]
pub enum To<'a> {
    /// The host, with an address.
    Host(&'a str),
    /// A namespace, with addresses.
    Ns(&'a str, &'a [&'a str]),
    /// A NIC of a node, with a number of queues.
    Node(&'a str, usize, u32),
}

impl Lab {
    /// An empty lab.
    pub fn new() -> Self {
        let nowhere = PathBuf::new;
        let paths = Paths {
            base_dir: nowhere(),
            lab_dir: nowhere(),
            api_socket: nowhere(),
            run_dir: nowhere(),
            data_dir: nowhere(),
            cache_dir: nowhere(),
            log_dir: nowhere(),
            netns_dir: nowhere(),
        };
        let plan = Plan {
            lab: "test".to_owned(),
            paths,
            accel: None,
            mtu: Mtu {
                value: None,
                source: MtuSource::Default,
            },
            networks: vec![],
            namespaces: vec![],
            images: vec![],
            nodes: vec![],
            bmcs: vec![],
            nat: vec![],
            sysctls: vec![],
            notes: vec![],
        };
        Self {
            plan,
            interfaces: BTreeMap::new(),
            links: 0,
            always_bridges: false,
        }
    }

    /// Sets the MTU of the links.
    pub fn mtu(mut self, mtu: u32) -> Self {
        self.plan.mtu = Mtu {
            value: Some(mtu),
            source: MtuSource::Option,
        };
        self
    }

    /// Makes a bridge of every network from here on, or only of those that need one.
    pub fn always_bridges(mut self, always: bool) -> Self {
        self.always_bridges = always;
        self
    }

    /// Adds a network, made of as little as its ends allow, and the namespaces it names.
    pub fn network(mut self, name: &str, ends: &[To]) -> Self {
        let node = ends.iter().any(|end| matches!(end, To::Node(..)));
        let shape = match ends.len() {
            _ if self.always_bridges || node => Shape::Bridge,
            0 => Shape::Nothing,
            1 => Shape::Stub,
            2 => Shape::Veth,
            _ => Shape::Bridge,
        };
        let host = ends.iter().find_map(|end| {
            if let To::Host(address) = end {
                Some(net(address))
            } else {
                None
            }
        });
        let links = ends.iter().map(|end| self.link(name, *end, shape)).collect();
        self.plan.networks.push(Network {
            id: format!("network/{name}"),
            name: name.to_owned(),
            kind: if host.is_some() {
                NetworkKind::External
            } else {
                NetworkKind::Internal
            },
            address: host,
            nat: false,
            shape,
            links,
        });
        self
    }

    fn link(&mut self, network: &str, end: To, shape: Shape) -> Link {
        self.links += 1;
        let [.., a, b, c] = self.links.to_be_bytes();
        let mac = Mac([2, 0, 0, a, b, c]);
        let (id, end) = match end {
            To::Host(address) => (
                format!("link/host/{network}"),
                End::Host {
                    mac,
                    address: net(address),
                },
            ),
            To::Ns(name, addresses) => {
                let n = self.interface(name);
                let end = End::Namespace {
                    namespace: name.to_owned(),
                    interface: format!("eth{n}"),
                    mac,
                    addresses: addresses.iter().map(|address| net(address)).collect(),
                };
                (format!("link/{name}/eth{n}"), end)
            }
            To::Node(node, nic, queues) => (
                format!("link/{node}/{nic}"),
                End::Node {
                    node: node.to_owned(),
                    nic,
                    mac,
                    queues,
                },
            ),
        };
        let port = (shape != Shape::Veth).then(|| format!("p{}", self.links));
        Link { id, end, port }
    }

    /// Returns the number of a namespace's next interface.
    fn interface(&mut self, namespace: &str) -> usize {
        let next = self.interfaces.entry(namespace.to_owned()).or_insert_with(|| {
            self.plan.namespaces.push(Namespace {
                id: format!("namespace/{namespace}"),
                name: namespace.to_owned(),
                init_scripts: vec![],
                forwards: vec![],
                depends_on: Vec::new(),
                apps: vec![],
            });
            0
        });
        *next += 1;
        *next - 1
    }

    /// The plan.
    pub fn plan(self) -> Arc<Plan> {
        Arc::new(self.plan)
    }
}

fn net(text: &str) -> IpNet {
    text.parse().expect("address with prefix length")
}
