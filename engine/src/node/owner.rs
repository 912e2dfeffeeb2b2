//! Files of a node that its QEMU opens as a user that is not root.

use std::{
    fs::File,
    io,
    os::unix::fs::{MetadataExt, fchown},
    path::Path,
};

use nix::{
    errno::Errno,
    fcntl::{OFlag, open},
    sys::stat::Mode,
};

use crate::plan::{Node, QemuUser};

/// Gives the node's disks and UEFI variables to the user. What others made (images, directories of the host, symbolic links)
/// stays as it is. Blocks.
pub(super) fn give(node: &Node, user: &QemuUser) -> io::Result<()> {
    let files = node.disks().map(|volume| &volume.path);
    for file in files.chain(node.nvram.as_ref().map(|nvram| &nvram.path)) {
        give_file(file, user).map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", file.display())))?;
    }
    Ok(())
}

fn give_file(file: &Path, user: &QemuUser) -> io::Result<()> {
    // Opened for nothing but this, whatever it is, and never through a link that somebody put there.
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let opened = match open(file, flags, Mode::empty()) {
        Ok(opened) => File::from(opened),
        Err(Errno::ELOOP) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let metadata = opened.metadata()?;
    if metadata.is_file() && (metadata.uid(), metadata.gid()) != (user.uid, user.gid) {
        fchown(&opened, Some(user.uid), Some(user.gid))?;
    }
    Ok(())
}
