//! A `/proc/sys` that can be written, where a container's runtime has mounted it read-only.

use nix::{
    errno::Errno,
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
    sys::statvfs::{FsFlags, statvfs},
};

/// Where sysctls are files.
pub(super) const PROC_SYS: &str = "/proc/sys";

/// Makes `/proc/sys` writable for this process and those it starts, if it is mounted read-only: network namespaces get their
/// settings there, also those of a lab. Nobody else sees a change, as it is made in a mount namespace of this process's own.
///
/// To be called while the process has one thread: others stay behind in the old mount namespace.
pub fn make_writable() -> nix::Result<()> {
    if !is_read_only()? {
        return Ok(());
    }
    unshare(CloneFlags::CLONE_NEWNS)?;
    let none = None::<&str>;
    // Mounts of the old namespace still arrive here, ours stay here.
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_SLAVE, none)?;
    mount(none, PROC_SYS, none, MsFlags::MS_REMOUNT | MsFlags::MS_BIND, none)?;
    if is_read_only()? { Err(Errno::EROFS) } else { Ok(()) }
}

fn is_read_only() -> nix::Result<bool> {
    Ok(statvfs(PROC_SYS)?.flags().contains(FsFlags::ST_RDONLY))
}
