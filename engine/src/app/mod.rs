//! What runs inside a namespace: init scripts, then apps, with their output.
//!
//! Processes are the keeper's business, namespaces are the fabric's: this folder is given both, and tells the store what
//! becomes of each app.

mod backoff;
mod capture;
mod file;
pub mod init;
mod lines;
pub mod log;
mod supervisor;

use std::{io, os::fd::OwnedFd};

pub use file::LogFiles;
pub use supervisor::{App, AppError};

use crate::fabric::Netns;

/// A namespace as [`crate::keeper::Command`] wants it.
fn in_netns(netns: &Netns) -> io::Result<(OwnedFd, String)> {
    Ok((netns.duplicate()?, netns.name().to_owned()))
}
