//! Descriptors that stand for one process and never for another that was given its id later, see pidfd_open(2).

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::{errno::Errno, unistd::Pid};
use tokio::io::{Interest, unix::AsyncFd};

/// A descriptor for a process: a child that was not waited for yet, or one whose identity is checked afterwards.
pub fn open(pid: Pid) -> Result<OwnedFd, Errno> {
    // SAFETY: takes two numbers and touches no memory of ours.
    let fd = unsafe { nix::libc::syscall(nix::libc::SYS_pidfd_open, pid.as_raw(), 0) };
    let fd = i32::try_from(Errno::result(fd)?).map_err(|_| Errno::EBADF)?;
    // SAFETY: the kernel has just made this descriptor; nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Kills the process (pidfd_send_signal(2)).
pub fn kill(pidfd: BorrowedFd<'_>) -> Result<(), Errno> {
    let nothing = std::ptr::null::<nix::libc::siginfo_t>();
    // SAFETY: takes numbers and a pointer that may be null; touches no memory of ours.
    let result = unsafe {
        nix::libc::syscall(
            nix::libc::SYS_pidfd_send_signal,
            pidfd.as_raw_fd(),
            nix::libc::SIGKILL,
            nothing,
            0,
        )
    };
    Errno::result(result).map(drop)
}

/// Returns when the process has ended, or at once if that cannot be watched.
pub async fn ended(pidfd: OwnedFd) {
    // SAFETY: the `OwnedFd` keeps its descriptor open, and the same, for as long as the `AsyncFd` holds it.
    if let Ok(pidfd) = unsafe { AsyncFd::register_with_interest(pidfd, Interest::READABLE) } {
        let _ = pidfd.readable().await;
    }
}
