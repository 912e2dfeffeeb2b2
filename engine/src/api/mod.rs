//! The HTTP/JSON interface of a running lab: the only way in for the TUI, `pmctl2` and scripts.
//!
//! Whatever is asked is answered from the [`Store`](crate::store::Store); what is to be done goes through [`Control`].
//! This folder must not know how a lab is made: no netlink, no QEMU, no files but its own socket.

mod answer;
mod apps;
mod bmcs;
mod changes;
mod connect;
mod consoles;
mod events;
mod forwards;
mod gate;
mod images;
mod lab;
mod links;
mod listen;
mod netns;
mod networks;
mod nodes;
mod rendered;
mod routes;
mod serve;
mod shells;
mod stream;
mod topology;
mod tunnel;

use std::{future::Future, pin::Pin, sync::Arc};

pub use answer::Problem;
pub use apps::LogLine;
pub use bmcs::{RedfishAnswer, RedfishRequest};
pub use changes::Change;
pub use consoles::REPLAY_HEADER;
pub use forwards::ForwardRequest;
pub use listen::{BindError, DEFAULT_LISTEN_ADDR, ListenAddr, bind_tcp, bind_unix};
pub use routes::openapi;
pub use serve::serve;
pub use shells::SHELL_HEADER;
pub use topology::{Edge, Topology, Vertex, VertexKind};
pub use tunnel::PROTOCOL as TUNNEL_PROTOCOL;

use tokio::net::TcpStream;

use crate::{
    app::log::AppLog,
    bmc::redfish::Redfish,
    console::Console,
    fabric::LinkCounters,
    forward::Wanted,
    node::Action,
    plan::BootSource,
    shell::{self, Opened, Shells},
    spec::model::{Destination, Object, Protocol},
};

/// What the API asks of a running lab beyond reading its store.
pub trait Control: Send + Sync + 'static {
    /// Acts on a node's power; returns when it is done. If that starts QEMU, it boots from `boot` first.
    fn node_action<'a>(&'a self, node: &'a str, action: Action, boot: Option<BootSource>) -> Answer<'a, ()>;
    /// Returns the output of an app.
    fn app_log(&self, namespace: &str, app: &str) -> Option<Arc<AppLog>>;
    /// Starts an app anew; returns when its new process runs.
    fn restart_app<'a>(&'a self, namespace: &'a str, app: &'a str) -> Answer<'a, ()>;
    /// Adds a port of the host that leads into a namespace.
    fn add_forward(&self, wanted: Wanted) -> Result<(), ControlError>;
    /// Ends such a port with its connections.
    fn delete_forward(&self, port: u16, protocol: Protocol) -> Answer<'_, ()>;
    /// Connects to a host and port from the side of a node (from a namespace on its network) or from a namespace.
    fn connect<'a>(&'a self, side: &'a str, to: &'a Destination) -> Answer<'a, TcpStream>;
    /// Returns a node's serial console.
    fn console(&self, node: &str) -> Result<Console, ControlError>;
    /// Sends a break on a node's serial line.
    fn send_break<'a>(&'a self, node: &'a str) -> Answer<'a, ()>;
    /// Returns what a node's screen shows, as a PNG.
    fn screenshot<'a>(&'a self, node: &'a str) -> Answer<'a, Vec<u8>>;
    /// Returns the Redfish face of a node's BMC.
    fn redfish(&self, node: &str) -> Result<Arc<Redfish>, ControlError>;
    /// Opens a shell in a namespace.
    fn open_shell<'a>(&'a self, netns: &'a str, wanted: shell::Wanted) -> Answer<'a, Opened>;
    /// Returns the shells.
    fn shells(&self) -> Result<Shells, ControlError>;
    /// Reads the counters of all links.
    fn links(&self) -> Answer<'_, Vec<LinkCounters>>;
}

/// What a lab answers in its own time.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, ControlError>> + Send + 'a>>;

/// Why the lab did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// No object of that name, such as `node "boot-0"`.
    #[error("There is no {0} in this lab.")]
    NotFound(String),
    /// The lab has such an object, but has not come that far.
    #[error("{0} is not there yet: wait until the lab runs.")]
    NotYet(Object),
    /// The lab ends.
    #[error("The lab is being taken down.")]
    Ending,
    /// What is there stands against it.
    #[error("{0}")]
    Conflict(String),
    /// It was tried and failed.
    #[error("{0}")]
    Failed(String),
}
