//! Files that are locked for as long as somebody works on what they stand for.
//!
//! The locks are those of `flock(2)`: they go with the process that holds them, however it ends, and stay with the file
//! when it is renamed. QEMU's own locks are of another kind; neither sees the other.

use std::{
    ffi::OsString,
    fs::{self, File},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
};

use crate::presence::is_at;

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

/// The file that stands for `target`: a hidden one beside it, in a directory that is made if it is missing.
pub(super) fn beside(target: &Path, suffix: &str) -> io::Result<PathBuf> {
    let (Some(dir), Some(name)) = (target.parent(), target.file_name()) else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no file name"));
    };
    fs::create_dir_all(dir)?;
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(suffix);
    Ok(dir.join(hidden))
}
