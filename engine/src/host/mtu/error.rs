//! Why the MTU can't be found.

use std::io;

/// Why the MTU could not be found.
#[derive(Debug, thiserror::Error)]
pub enum MtuError {
    /// The kernel's routing tables could not be read.
    #[error("cannot read this host's routes and links: {0}")]
    Netlink(#[from] rtnetlink::Error),
    /// No netlink socket.
    #[error("cannot open a netlink socket: {0}")]
    Socket(#[source] io::Error),
    /// A probe could not be sent.
    #[error("cannot send MTU probes to {host}: {source}")]
    Send {
        /// The host as given.
        host: String,
        /// Why.
        source: io::Error,
    },
    /// The name has no address.
    #[error("cannot find an address of the host `{host}` of --mtu-probe: {source}")]
    Resolve {
        /// The host as given.
        host: String,
        /// Why.
        source: io::Error,
    },
    /// The host never answered.
    #[error("{host} answers no ICMP echo, not even a small one; give --mtu-probe a host that does, or --mtu a number")]
    Silent {
        /// The host as given.
        host: String,
    },
}
