//! Sockets for a program that serves one QEMU, made so that neither has to find the other.

use std::{
    fs, io,
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::Path,
};

use crate::console::bind_private;

/// A socket that listens, for the program, and a connection to it, which waits there, for QEMU. Its name is gone as soon as
/// it is connected: nobody else ever is. Blocks.
pub(super) fn connected(path: &Path) -> io::Result<(OwnedFd, OwnedFd)> {
    let listening = bind_private(path)?;
    listening.set_nonblocking(false)?;
    let connection = UnixStream::connect(path);
    fs::remove_file(path)?;
    Ok((listening.into(), connection?.into()))
}
