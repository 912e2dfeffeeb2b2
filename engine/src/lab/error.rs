//! Why a lab does not come up, or can't go on.

use std::{io, path::PathBuf};

use crate::{
    api::BindError,
    app::{AppError, init::InitError},
    fabric::FabricError,
    host::{
        FirewallError, LabDirError, MissingCapability, NatError, PublishError, RecordError, SysctlError, UndoError,
        mtu::MtuError,
    },
    keeper::KeeperError,
    node::{ClaimError, ImageError, NodeError, VolumeError},
    shortage,
};

fn tun_remedy(error: &io::Error) -> &'static str {
    shortage::remedy_or(
        error,
        "load the module (modprobe tun), or give the container that device",
    )
}

/// Why a lab does not come up, or can't go on.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// Asked to stop while it came up.
    #[error("The lab was stopped while it came up.")]
    Cancelled,
    /// Not enough power.
    #[error(transparent)]
    NotRoot(#[from] MissingCapability),
    /// No taps.
    #[error(
        "Nodes need /dev/net/tun, which can't be opened: {}; {}.", .0, tun_remedy(.0)
    )]
    Tun(#[source] io::Error),
    /// No place for sockets.
    #[error(
        "The directory of the consoles' sockets, {path}, can't be made: {source}. Name another one with --run-dir."
    )]
    RunDir {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The process that is the parent of all others died.
    #[error("The keeper, the parent of all the lab's processes, was killed; the lab can't go on without it.")]
    KeeperGone,
    /// A defect of this program.
    #[error("placemat2 has a defect, please report it: it panicked: {0}")]
    Panic(String),
    /// No thread for the log files.
    #[error("The thread that writes log files could not be started: {0}.")]
    Logs(#[source] io::Error),
    /// Something keeps the lab from being given up.
    #[error(
        "The lab's directory could not be removed: a part of this process still uses it; `placemat2 cleanup` removes it."
    )]
    StillHeld,
    /// Something that was made on the host is still there.
    #[error(transparent)]
    Undo(#[from] UndoError),
    /// The keeper.
    #[error(transparent)]
    Keeper(#[from] KeeperError),
    /// The lab's directory.
    #[error(transparent)]
    Dir(#[from] LabDirError),
    /// The record of what is made on the host.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The API's sockets.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// Links and namespaces.
    #[error(transparent)]
    Fabric(#[from] FabricError),
    /// NAT.
    #[error(transparent)]
    Nat(#[from] NatError),
    /// The host's FORWARD policy.
    #[error(transparent)]
    Firewall(#[from] FirewallError),
    /// The host's sysctls.
    #[error(transparent)]
    Sysctl(#[from] SysctlError),
    /// Names of namespaces.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// Ports of the host that lead into namespaces.
    #[error(transparent)]
    Forward(#[from] crate::forward::ForwardError),
    /// Init scripts.
    #[error(transparent)]
    Init(#[from] InitError),
    /// Apps.
    #[error(transparent)]
    App(#[from] AppError),
    /// Images.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// Files of nodes that are another lab's.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// Volumes.
    #[error(transparent)]
    Volume(#[from] VolumeError),
    /// Nodes.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// The path MTU.
    #[error(transparent)]
    Mtu(#[from] MtuError),
}
