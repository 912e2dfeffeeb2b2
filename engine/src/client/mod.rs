//! A client of the API: how `pmctl2` and the TUI talk to a lab, on its unix socket or over TCP.
//!
//! This folder knows HTTP and where labs put their sockets, nothing of what the answers mean.

mod connection;
mod discover;
mod endpoint;
mod lines;
mod pieces;
mod upgrade;

pub use connection::{Client, ClientError};
pub use discover::{DiscoverError, Found, discover, lab_socket, running_labs};
pub use endpoint::{DEFAULT_ENDPOINT, Endpoint, EndpointError};
pub use lines::Lines;
pub use pieces::Pieces;
pub use upgrade::{Console, Shell, Tunnel};
