//! Entering a network namespace the way `ip netns exec` does, so that programs find there what they find with it.

use std::{
    fs::{self, File},
    os::fd::{AsFd, OwnedFd},
    panic::resume_unwind,
    path::Path,
    thread,
};

use nix::{
    errno::Errno,
    mount::{MsFlags, mount},
    sched::{CloneFlags, setns, unshare},
    sys::{
        stat::stat,
        statvfs::{FsFlags, statvfs},
    },
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

/// Makes a mount namespace as [`enter`] does, for several programs to [`join`]: what one of them mounts is seen by all, and goes when all
/// of them and the descriptor have gone. Joining takes CAP_SYS_CHROOT, which is tried here. Blocks.
pub fn shared_mounts(netns: impl AsFd + Sync, name: &str) -> Result<OwnedFd, EnterError> {
    let failed = |step| {
        move |errno| EnterError {
            name: name.to_owned(),
            step,
            errno,
        }
    };
    let make = || {
        enter(&netns, name)?;
        let made = File::open("/proc/thread-self/ns/mnt")
            .map_err(|error| failed("its mounts")(Errno::from_raw(error.raw_os_error().unwrap_or_default())))?;
        // Whoever joins has the root of the mounts for its own, which in a chroot would be another one.
        let root = || {
            stat("/")
                .map(|found| (found.st_dev, found.st_ino))
                .map_err(failed("its root"))
        };
        let before = root()?;
        setns(&made, CloneFlags::CLONE_NEWNS).map_err(failed("joining its mounts"))?;
        if root()? == before {
            Ok(OwnedFd::from(made))
        } else {
            Err(failed("joining its mounts from within a chroot")(Errno::EXDEV))
        }
    };
    // Its thread stays there, and ends.
    thread::scope(|scope| scope.spawn(make).join().unwrap_or_else(|panic| resume_unwind(panic)))
}

/// Moves the calling thread into a network namespace and its [`shared_mounts`]. The working directory is their root then.
pub fn join(netns: impl AsFd, mounts: impl AsFd, name: &str) -> Result<(), EnterError> {
    let failed = |step| {
        move |errno| EnterError {
            name: name.to_owned(),
            step,
            errno,
        }
    };
    setns(netns, CloneFlags::CLONE_NEWNET).map_err(failed("setns"))?;
    setns(mounts, CloneFlags::CLONE_NEWNS).map_err(failed("joining its mounts"))
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
