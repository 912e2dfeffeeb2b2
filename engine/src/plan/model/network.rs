//! Networks and what is attached to them.

use std::fmt;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An L2 segment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Network {
    /// `network/NAME`.
    pub id: String,
    /// Its name; also the name of the host's interface, if it has one.
    pub name: String,
    /// How it is exposed.
    pub kind: NetworkKind,
    /// Address of the host's interface.
    pub address: Option<IpNet>,
    /// Whether its packets to the outside are masqueraded.
    pub nat: bool,
    /// What it is made of.
    pub shape: Shape,
    /// Its attachments: host first, then namespaces, then nodes, each in the order of the files.
    pub links: Vec<Link>,
}

/// `internal`, `external` or `bmc`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum NetworkKind {
    /// Only within the lab.
    Internal,
    /// The host has an interface.
    External,
    /// The host has an interface, virtual BMCs get addresses.
    Bmc,
}

/// What a network is made of: as little as its ends allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// A bridge in the fabric, named after the network; each link has a port on it.
    Bridge,
    /// One veth pair straight between two links, neither of them a node's.
    Veth,
    /// One link (not a node's) whose veth peer ends in the fabric, up and alone.
    Stub,
    /// No link at all: nothing is made.
    Nothing,
}

/// One attachment of the host, a namespace or a node to a network.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Link {
    /// `link/host/NETWORK`, `link/NAMESPACE/ethN` or `link/NODE/N`.
    pub id: String,
    /// What is attached.
    pub end: End,
    /// The port in the fabric (veth peer or tap), unique there and at most 15 bytes. `None` where the shape is `Veth`.
    pub port: Option<String>,
}

/// What a link attaches.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum End {
    /// The host: an interface named after the network.
    Host {
        /// MAC of the interface.
        mac: Mac,
        /// Its address.
        address: IpNet,
    },
    /// A namespace.
    Namespace {
        /// The namespace's name.
        namespace: String,
        /// `ethN`.
        interface: String,
        /// MAC of the interface.
        mac: Mac,
        /// Its addresses.
        addresses: Vec<IpNet>,
    },
    /// A node; the port is a tap.
    Node {
        /// The node's name.
        node: String,
        /// Index among the node's interfaces, from 0.
        nic: usize,
        /// MAC as the guest sees it.
        mac: Mac,
        /// Queues of the tap, at least 1.
        queues: u32,
    },
}

/// A MAC address.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mac(pub [u8; 6]);

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, rest @ ..] = self.0;
        write!(f, "{first:02x}")?;
        rest.iter().try_for_each(|byte| write!(f, ":{byte:02x}"))
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Mac {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
