//! What goes wrong with a node's machine.

use std::io;

use super::qmp::QmpError;
use crate::{console::ConsoleError, keeper::KeeperError};

/// What goes wrong with a node.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// QEMU could not be started at all.
    #[error("node `{node}`: {source}{}", .source.advice(". Is QEMU installed (Debian's qemu-system-x86)?"))]
    Qemu {
        /// The node.
        node: String,
        /// Why.
        source: KeeperError,
    },
    /// The TPM emulator could not be started.
    #[error("node `{node}`: {source}{}", .source.advice(". Its `tpm` needs the package swtpm"))]
    Swtpm {
        /// The node.
        node: String,
        /// Why.
        source: KeeperError,
    },
    /// What serves a directory over virtio-fs could not be started.
    #[error(
        "node `{node}`, volume `{volume}`: {source}{}",
        .source.advice(". Such a volume needs virtiofsd, and unshare of util-linux if it is read-only")
    )]
    Virtiofsd {
        /// The node.
        node: String,
        /// The volume.
        volume: String,
        /// Why.
        source: KeeperError,
    },
    /// QEMU ended before its machine was complete.
    #[error("node `{node}`: {reason}")]
    Ended {
        /// The node.
        node: String,
        /// How it ended, with its own last words.
        reason: String,
    },
    /// It has no CD drive.
    #[error("node `{node}` has no CD drive: only a node whose lab file has `bmc` gets one")]
    NoDrive {
        /// The node.
        node: String,
    },
    /// There is something in its CD drive.
    #[error("node `{node}` has a medium in its CD drive: it must be ejected first")]
    DriveFull {
        /// The node.
        node: String,
    },
    /// QEMU's monitor failed, or refused a command.
    #[error("node `{node}`: {source}")]
    Qmp {
        /// The node.
        node: String,
        /// Why.
        source: QmpError,
    },
    /// QEMU's monitor did not answer.
    #[error("node `{node}`: QEMU did not answer `{command}` within {seconds} seconds")]
    Silent {
        /// The node.
        node: String,
        /// What was asked.
        command: &'static str,
        /// How long was waited.
        seconds: u64,
    },
    /// What QEMU needs of the host could not be had.
    #[error("node `{node}`: cannot {what}: {source}")]
    Io {
        /// The node.
        node: String,
        /// What was tried.
        what: String,
        /// Why.
        source: io::Error,
    },
    /// The serial console failed.
    #[error("node `{node}`: {source}")]
    Console {
        /// The node.
        node: String,
        /// Why.
        source: ConsoleError,
    },
    /// It was powered off while it was being powered on.
    #[error("node `{node}` was powered off while it was being powered on")]
    Interrupted {
        /// The node.
        node: String,
    },
    /// It is off, and only what is on can do that.
    #[error("node `{node}` is off: there is nothing to {what}")]
    Off {
        /// The node.
        node: String,
        /// What was asked for.
        what: &'static str,
    },
    /// It was asked to power on while its guest shuts down.
    #[error("node `{node}` is shutting down: power it on once it is off, or cycle its power")]
    ShuttingDown {
        /// The node.
        node: String,
    },
    /// Its guest did not shut down in time.
    #[error("node `{node}` did not shut down within {seconds} seconds and is still on")]
    DidNotShutDown {
        /// The node.
        node: String,
        /// How long was waited.
        seconds: f64,
    },
    /// It was reset while its guest was shutting down.
    #[error("node `{node}` was reset while it was shutting down, and is on")]
    ResetMeanwhile {
        /// The node.
        node: String,
    },
    /// Its screen was asked for while it has none.
    #[error("node `{node}` is not on: nothing is on its screen")]
    NoScreen {
        /// The node.
        node: String,
    },
    /// The lab is going down.
    #[error("node `{node}`: the lab is going down")]
    Closed {
        /// The node.
        node: String,
    },
}
