//! Devices of the kernel that labs use, and what file systems can do.

use std::{
    fs::{File, OpenOptions},
    io,
    path::Path,
};

use nix::{
    errno::Errno,
    fcntl::{OFlag, open},
    sys::stat::Mode,
    unistd::geteuid,
};

use super::{kvm, user};
use crate::plan::QemuUser;

/// Returns whether KVM can get a guest of a QEMU that runs as `user` to run, or why not, as a clause.
pub(super) fn kvm(user: Option<&QemuUser>) -> Result<(), String> {
    let opened = read_write(Path::new("/dev/kvm")).map_err(|error| format!("`/dev/kvm` can't be opened: {error}"))?;
    let metadata = opened
        .metadata()
        .map_err(|error| format!("`/dev/kvm` tells nothing of itself: {error}"))?;
    if let Some(user) = user.filter(|user| !user::may_use(user, &metadata)) {
        let name = &user.name;
        return Err(format!(
            "the user `{name}`, as which QEMU is to run, may not open `/dev/kvm`: add it to the group `kvm`"
        ));
    }
    kvm::run_guest()
}

/// Returns whether a device is there. Without root, one that may not be opened counts as there: to print a plan takes no
/// root, to run it does.
pub(super) fn is_there(device: &str) -> bool {
    match read_write(Path::new(device)) {
        Ok(_) => true,
        Err(error) => error.kind() == io::ErrorKind::PermissionDenied && !geteuid().is_root(),
    }
}

fn read_write(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open(path)
}

/// Returns whether the file system that a directory is on, or will be made on, refuses direct I/O. tmpfs does so before
/// Linux 6.6. When it can't be found out, the answer is no, and QEMU will tell.
pub(super) fn refuses_direct_io(directory: &Path) -> bool {
    let Some(existing) = directory.ancestors().find(|ancestor| ancestor.is_dir()) else {
        return false;
    };
    let nameless_file = |flags| {
        let mode = Mode::S_IRUSR | Mode::S_IWUSR;
        open(
            existing,
            OFlag::O_TMPFILE | OFlag::O_RDWR | OFlag::O_CLOEXEC | flags,
            mode,
        )
    };
    nameless_file(OFlag::O_DIRECT).is_err_and(|errno| errno == Errno::EINVAL) && nameless_file(OFlag::empty()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn direct_io_is_asked_of_the_nearest_directory_that_exists() {
        // /proc has no nameless files, so nothing can be said of it.
        assert!(!refuses_direct_io(Path::new("/proc/nowhere/at/all")));
        let missing = Path::new("/dev/shm/not/there/yet");
        assert_eq!(refuses_direct_io(missing), refuses_direct_io(Path::new("/dev/shm")));
    }
}
