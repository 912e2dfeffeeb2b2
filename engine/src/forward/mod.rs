//! Ways from the host into a lab's namespaces: TCP and UDP ports that are forwarded, and single connections for `ssh`.
//!
//! Listeners are sockets of the host; the outgoing ones are made by a thread that lives in the target's namespace, and
//! carried like any other socket from then on. This folder knows namespaces by their descriptors alone, and nothing of
//! nodes.

mod counters;
mod error;
mod listener;
mod manager;
mod pump;
mod sockets;
mod tcp;
mod udp;

pub use counters::{Counters, Traffic};
pub use error::ForwardError;
pub use manager::{Forwards, Wanted};
pub use sockets::Sockets;
