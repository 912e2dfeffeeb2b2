//! Files that are locked for as long as somebody works on what they stand for.
//!
//! The locks are those of `flock(2)`: they go with the process that holds them, however it ends, and stay with the file
//! when it is renamed. QEMU's own locks are of another kind; neither sees the other.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
};

use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
};

use crate::presence::if_there;

/// Who has the lock of a file.
pub(super) enum Locked {
    /// This process, by this opening.
    Mine(Flock<File>),
    /// Somebody else.
    Busy(File),
}

/// Opens the file at that path, making it if it is missing, and locks it exclusively.
pub(super) fn try_lock(path: &Path, mode: u32) -> io::Result<Locked> {
    lock(path, mode, FlockArg::LockExclusiveNonblock)
}

/// The same, waiting for whoever holds the lock. Blocks.
pub(super) fn wait_lock(path: &Path, mode: u32) -> io::Result<Locked> {
    lock(path, mode, FlockArg::LockExclusive)
}

fn lock(path: &Path, mode: u32, how: FlockArg) -> io::Result<Locked> {
    loop {
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(mode)
            // Whatever is there, opening it must not wait or lead elsewhere.
            .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
            .open(path)?;
        let file = match Flock::lock(file, how) {
            Ok(file) => file,
            Err((file, Errno::EWOULDBLOCK)) => return Ok(Locked::Busy(file)),
            Err((_, Errno::EINTR)) => continue,
            Err((_, error)) => return Err(error.into()),
        };
        // Who had the lock before may have removed or renamed the file.
        if is_at(&file, path)? {
            return Ok(Locked::Mine(file));
        }
    }
}

fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let opened = file.metadata()?;
    let there = if_there(fs::symlink_metadata(path))?;
    Ok(there.is_some_and(|there| (there.dev(), there.ino()) == (opened.dev(), opened.ino())))
}
