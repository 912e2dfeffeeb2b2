//! What can be asked of the kernel, as plain data that tests can compare.

use std::fmt;

use ipnet::IpNet;

use crate::plan::Mac;

/// The network namespace a link is made in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place<'p> {
    /// The one the request is sent in.
    Here,
    /// The engine's own.
    Host,
    /// A namespace of the lab.
    Namespace(&'p str),
}

/// A request to the kernel. Indices are those of links in the namespace it is sent in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request<'p> {
    /// Makes a bridge that forwards at once and passes LLDP, and brings it up.
    Bridge {
        /// Its name.
        name: &'p str,
        /// Its index, which must be free.
        index: u32,
        /// Its MTU in bytes, the kernel's default if none.
        mtu: Option<u32>,
    },
    /// Makes a veth pair and brings its first end up. The kernel refuses to bring up the second before both exist.
    Veth {
        /// The first end.
        main: VethEnd<'p>,
        /// A bridge in `Here` that the first end becomes a port of.
        master: Option<u32>,
        /// The second end.
        peer: VethEnd<'p>,
        /// MTU of both in bytes, the kernel's default if none.
        mtu: Option<u32>,
    },
    /// Makes a link a port of a bridge and brings it up.
    Attach {
        /// The link.
        index: u32,
        /// The link's name, for messages.
        name: &'p str,
        /// The bridge.
        master: u32,
        /// The link's MTU in bytes, unchanged if none.
        mtu: Option<u32>,
    },
    /// Brings a link up.
    Up {
        /// The link.
        index: u32,
        /// The link's name, for messages.
        name: &'p str,
    },
    /// Changes the MTU of a link that may be gone.
    Mtu {
        /// The link.
        index: u32,
        /// The link's name, for messages.
        name: &'p str,
        /// In bytes.
        mtu: u32,
    },
    /// Gives a link an address that is usable at once; it may have it already.
    Address {
        /// The link.
        index: u32,
        /// The link's name, for messages.
        name: &'p str,
        /// Address and prefix length.
        address: IpNet,
    },
    /// Asks for the index of a link that may not exist.
    Find {
        /// The link's name.
        name: &'p str,
    },
    /// Deletes a link (and with it its veth peer) that may be gone already.
    Delete {
        /// The link.
        index: u32,
        /// The link's name, for messages.
        name: &'p str,
    },
}

/// One end of a veth pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VethEnd<'p> {
    /// Its name.
    pub name: &'p str,
    /// Its index, which must be free; the kernel's choice if none.
    pub index: Option<u32>,
    /// Its MAC, random if none.
    pub mac: Option<Mac>,
    /// Where it is made.
    pub place: Place<'p>,
}

impl Request<'_> {
    /// Returns the verb that says what was refused.
    pub fn operation(&self) -> &'static str {
        match self {
            Self::Bridge { .. } | Self::Veth { .. } => "make",
            Self::Attach { .. } => "attach",
            Self::Up { .. } => "bring up",
            Self::Mtu { .. } => "set the MTU of",
            Self::Address { .. } => "add",
            Self::Find { .. } => "look up",
            Self::Delete { .. } => "delete",
        }
    }

    /// Returns what it is about, in words.
    pub fn object(&self) -> String {
        match self {
            Self::Bridge { name, .. } => format!("the bridge {name:?}"),
            Self::Veth { main, peer, .. } => format!("the veth pair {main} and {peer}"),
            Self::Attach { name, .. }
            | Self::Up { name, .. }
            | Self::Mtu { name, .. }
            | Self::Find { name }
            | Self::Delete { name, .. } => format!("the link {name:?}"),
            Self::Address { name, address, .. } => format!("the address {address} to the link {name:?}"),
        }
    }

    /// Returns the kind of link it needs the kernel to have.
    pub fn kind(&self) -> Option<&'static str> {
        match self {
            Self::Bridge { .. } => Some("bridge"),
            Self::Veth { .. } => Some("veth"),
            _ => None,
        }
    }

    /// Returns whether a link that does not exist is an answer and no error.
    pub fn may_find_nothing(&self) -> bool {
        matches!(self, Self::Find { .. } | Self::Delete { .. } | Self::Mtu { .. })
    }
}

impl fmt::Display for VethEnd<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Place::Here => write!(f, "{:?}", self.name),
            Place::Host => write!(f, "{:?} of the host", self.name),
            Place::Namespace(namespace) => write!(f, "{:?} of the namespace {namespace:?}", self.name),
        }
    }
}
