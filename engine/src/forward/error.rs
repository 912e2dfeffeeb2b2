//! Why a forward can't be, or leads nowhere.

use std::{io, net::SocketAddr};

use crate::spec::model::{Destination, Protocol};

/// Why a forward can't be, or leads nowhere.
#[derive(Debug, thiserror::Error)]
pub enum ForwardError {
    /// The port is forwarded already.
    #[error("The host's port {port}/{protocol} is forwarded already, to {to}: delete that forward first.")]
    Exists {
        /// The port.
        port: u16,
        /// What it carries.
        protocol: Protocol,
        /// Where it leads.
        to: String,
    },
    /// No such forward.
    #[error("No forward has the host's port {port}/{protocol}.")]
    NotFound {
        /// The port.
        port: u16,
        /// What it would carry.
        protocol: Protocol,
    },
    /// No such namespace.
    #[error("There is no namespace {0:?} in this lab.")]
    NoNamespace(String),
    /// The namespace is not there yet.
    #[error("Namespace {0:?} is not usable yet: wait until the lab runs.")]
    NotReady(String),
    /// The lab is going.
    #[error("The lab is being taken down.")]
    Closed,
    /// The host does not give the port.
    #[error(
        "The host's port {address}/{protocol} can't be listened on: {source}. Choose another port, or end the program that has it."
    )]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What was to be carried.
        protocol: Protocol,
        /// Why.
        source: io::Error,
    },
    /// No socket inside the namespace.
    #[error("No socket could be made in namespace {netns:?}: {source}.")]
    Socket {
        /// The namespace.
        netns: String,
        /// Why.
        source: io::Error,
    },
    /// The name could not be looked up.
    #[error("Namespace {netns:?} can't look up the host {host:?}: {source}.")]
    Lookup {
        /// The namespace.
        netns: String,
        /// The name.
        host: String,
        /// Why.
        source: io::Error,
    },
    /// There is no way there.
    #[error("Namespace {netns:?} has no route to {to}: add one there, or choose a namespace that has.")]
    NoRoute {
        /// The namespace.
        netns: String,
        /// Where to.
        to: Destination,
    },
    /// There is a way, but nobody takes the connection.
    #[error("Namespace {netns:?} does not reach {to}: {source}.")]
    Connect {
        /// The namespace.
        netns: String,
        /// Where to.
        to: Destination,
        /// Why.
        source: io::Error,
    },
}

impl ForwardError {
    /// Says why a connection came to nothing.
    pub(super) fn connect(netns: &str, to: &Destination, source: io::Error) -> Self {
        let (netns, to) = (netns.to_owned(), to.clone());
        match source.raw_os_error() {
            Some(libc::ENETUNREACH | libc::EADDRNOTAVAIL) => Self::NoRoute { netns, to },
            _ => Self::Connect { netns, to, source },
        }
    }
}
