//! What goes wrong when a lab's links and namespaces are made, each a sentence with the object and the remedy.

use std::io;

use super::netlink::{NetlinkError, Refusal};
use crate::shortage;

/// Why a fabric could not be made, changed or taken down.
#[derive(Debug, thiserror::Error)]
pub enum FabricError {
    /// The engine may not make namespaces or links.
    #[error("cannot {operation}: {source}; a lab needs root, so start placemat2 as root or through sudo")]
    Privilege {
        /// What was refused.
        operation: String,
        /// The kernel's answer.
        source: io::Error,
    },
    /// A network namespace could not be made or entered.
    #[error("cannot {operation} the network namespace {name:?}: {source}{}", remedy(source))]
    Namespace {
        /// `make`, `open` or `enter`.
        operation: &'static str,
        /// The namespace.
        name: String,
        /// The kernel's answer.
        source: io::Error,
    },
    /// A sysctl inside a namespace could not be set.
    #[error(
        "cannot set the sysctl {sysctl} to {value} in the network namespace {namespace:?}: {source}; {}",
        shortage::remedy_or(source, "/proc/sys must be mounted and writable")
    )]
    Sysctl {
        /// With dots.
        sysctl: String,
        /// The value it was to get.
        value: &'static str,
        /// The namespace.
        namespace: String,
        /// The kernel's answer.
        source: io::Error,
    },
    /// A network's name is the name of a link that the host already has.
    #[error(
        "the host already has a link named {name:?}, so the network {name:?} cannot appear there; rename the network, \
         or remove that link if an earlier run left it (ip link delete dev {name})"
    )]
    NameTaken {
        /// The network.
        name: String,
    },
    /// The kernel lacks a kind of link.
    #[error("this kernel cannot make {kind} links ({object} was refused: {source}); load the module: modprobe {kind}")]
    Unsupported {
        /// `bridge` or `veth`.
        kind: &'static str,
        /// What was to be made.
        object: String,
        /// The kernel's answer.
        source: io::Error,
    },
    /// The kernel refused a request.
    #[error("cannot {0}")]
    Refused(#[from] Refusal),
    /// Talking to the kernel over netlink failed.
    #[error(
        "cannot talk to the kernel's routing netlink interface ({operation}): {source}{}",
        remedy(source)
    )]
    Netlink {
        /// What was being done.
        operation: &'static str,
        /// The kernel's answer.
        source: io::Error,
    },
    /// There is no `/dev/net/tun`.
    #[error("cannot make the tap {tap:?}: there is no /dev/net/tun; load the module: modprobe tun")]
    NoTun {
        /// The tap.
        tap: String,
    },
    /// A tap could not be made.
    #[error(
        "cannot {operation} the tap {tap:?} of the node {node:?}: {source}{}",
        remedy(source)
    )]
    Tap {
        /// What was refused.
        operation: &'static str,
        /// The tap.
        tap: String,
        /// The node it is for.
        node: String,
        /// The kernel's answer.
        source: io::Error,
    },
    /// The plan contradicts itself.
    #[error("the plan of the network {network:?} cannot be made: {reason}")]
    Plan {
        /// The network.
        network: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A thread could not be started.
    #[error("cannot start a thread to set up the lab's network: {0}")]
    Thread(#[source] io::Error),
    /// The lab was asked to go down meanwhile.
    #[error("setting up the lab's network was interrupted")]
    Cancelled,
}

impl From<NetlinkError> for FabricError {
    fn from(error: NetlinkError) -> Self {
        match error {
            NetlinkError::Cancelled => Self::Cancelled,
            NetlinkError::Refused(refusal) => refusal.into_fabric_error(),
            NetlinkError::Socket { operation, source } => Self::Netlink { operation, source },
        }
    }
}

impl Refusal {
    /// Returns the error that says best what the refusal means.
    fn into_fabric_error(self) -> FabricError {
        match (self.source.raw_os_error(), self.kind) {
            (Some(libc::EPERM), _) => FabricError::Privilege {
                operation: format!("{} {}", self.operation, self.object),
                source: self.source,
            },
            (Some(libc::EOPNOTSUPP), Some(kind)) => FabricError::Unsupported {
                kind,
                object: self.object,
                source: self.source,
            },
            _ => FabricError::Refused(self),
        }
    }
}

/// Returns what to do about errors that have one cause wherever they come from, or nothing.
fn remedy(error: &io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(libc::EMFILE) => "; raise the limit of open files (ulimit -n)",
        Some(libc::ENFILE) => "; raise the system's limit of open files (sysctl fs.file-max)",
        Some(libc::ENOSPC) => "; raise the limit of network namespaces (sysctl user.max_net_namespaces)",
        Some(libc::EINVAL | libc::ENOSYS) => "; the kernel may lack support for it",
        _ => "",
    }
}
