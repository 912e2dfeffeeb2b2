//! Standard input and output beside other work.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
};

use tokio::fs::File;

/// Returns a standard stream as a file that is read and written beside other work. Its mode is not touched: others may have
/// it open, too.
pub fn file(stream: impl AsFd) -> io::Result<File> {
    let fd: OwnedFd = stream.as_fd().try_clone_to_owned()?;
    Ok(File::from_std(fd.into()))
}
