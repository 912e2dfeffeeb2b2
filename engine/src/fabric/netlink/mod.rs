//! The kernel's routing netlink interface: requests as data, sent many at a time.
//!
//! The only module of the fabric that knows of the netlink crates. It must not know of plans or of the order in which a lab is made.
//! Everything here blocks: the kernel does the work of a request while it is sent.

mod encode;
mod reply;
mod request;
mod socket;
mod traffic;

pub use request::{Place, Request, VethEnd};
pub use socket::{Namespaces, NetlinkError, Refusal, Socket};
pub use traffic::Traffic;
