//! Entering a network namespace the way `ip netns exec` does, so that programs find there what they find with it.

use std::{fs, os::fd::AsFd, path::Path};

use nix::{
    errno::Errno,
    mount::{MsFlags, mount},
    sched::{CloneFlags, setns, unshare},
    sys::statvfs::{FsFlags, statvfs},
};

/// Why a namespace could not be entered.
#[derive(Debug, thiserror::Error)]
#[error("cannot enter the namespace {name}: {step}: {errno}")]
pub struct EnterError {
    /// The namespace's name.
    pub name: String,
    /// What was being done.
    pub step: &'static str,
    /// What the kernel said.
    pub errno: Errno,
}

/// Moves the calling thread into a network namespace, and into a private mount namespace where `/sys` shows that
/// namespace's devices and each `/etc/netns/NAME/FILE` covers `/etc/FILE` (see ip-netns(8)).
///
/// For a thread that is about to exec or to end: nothing leads back. As with `ip netns exec`, a `/sys` or a file that
/// cannot be mounted is not fatal: some containers forbid it, and most programs never look there.
pub fn enter(netns: impl AsFd, name: &str) -> Result<(), EnterError> {
    let failed = |step| {
        move |errno| EnterError {
            name: name.to_owned(),
            step,
            errno,
        }
    };
    setns(netns, CloneFlags::CLONE_NEWNET).map_err(failed("setns"))?;
    unshare(CloneFlags::CLONE_NEWNS).map_err(failed("a mount namespace of its own"))?;
    // Mounts of the host still arrive here, ours stay here.
    mount(
        None::<&str>,
        "/",
        None::<&str>,
        MsFlags::MS_REC | MsFlags::MS_SLAVE,
        None::<&str>,
    )
    .map_err(failed("making the mounts private"))?;
    if let Err(errno) = mount_sys(name) {
        tracing::debug!(namespace = name, "cannot mount /sys: {errno}");
    }
    cover_etc(&Path::new("/etc/netns").join(name));
    Ok(())
}

/// A sysfs shows the network devices of the namespace it was mounted in. It covers the old one, so that there is one
/// still if the kernel refuses.
fn mount_sys(name: &str) -> nix::Result<()> {
    // In a user namespace, a read-only one cannot be covered by a writable one.
    let read_only = statvfs("/sys").is_ok_and(|stat| stat.flags().contains(FsFlags::ST_RDONLY));
    let mut flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    flags.set(MsFlags::MS_RDONLY, read_only);
    mount(Some(name), "/sys", Some("sysfs"), flags, None::<&str>)
}

/// Binds each file of `directory` over the one of that name in `/etc`.
fn cover_etc(directory: &Path) {
    // Most namespaces have no such directory.
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    for entry in entries.flatten() {
        let target = Path::new("/etc").join(entry.file_name());
        let bound = mount(
            Some(&entry.path()),
            &target,
            None::<&str>,
            MsFlags::MS_BIND,
            None::<&str>,
        );
        if let Err(errno) = bound {
            tracing::warn!(
                "cannot bind {} over {}: {errno}",
                entry.path().display(),
                target.display()
            );
        }
    }
}
