//! What happens in a child between fork and exec.
//!
//! The keeper has one thread, so a forked child may do what any program may, memory allocation included.

use std::{
    convert::Infallible,
    ffi::OsStr,
    fs::OpenOptions,
    io,
    os::{
        fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd},
        unix::process::CommandExt,
    },
    path::Path,
};

use nix::{
    errno::Errno,
    fcntl::{FcntlArg, fcntl},
    sys::{
        prctl,
        resource::rlim_t,
        signal::{SigHandler, SigSet, Signal, signal},
    },
    unistd::{Gid, Pid, Uid, dup2_raw, getppid, setgroups, setpgid, setresgid, setresuid, setsid, write},
};

use super::{
    error::Stage,
    wire::{Identity, Spawn},
};
use crate::host::{enter, limits};

nix::ioctl_write_int_bad!(
    /// Makes a terminal the controlling one of the session that the calling process leads.
    control_terminal,
    libc::TIOCSCTTY
);

/// Why the program does not run.
type Failure = (Stage, Errno);

/// Becomes the program, or tells `report` why not (the stage, then the error number) and exits.
pub fn run(spawn: &Spawn, fds: Vec<OwnedFd>, report: OwnedFd, keeper: Pid, open_files: Option<rlim_t>) -> ! {
    // Above every number that the program is to find something else at.
    let base = spawn.numbers.iter().copied().fold(2, i32::max).saturating_add(1);
    if let Ok(report) = above(base, report) {
        let Err((stage, errno)) = become_program(spawn, fds, base, keeper, open_files);
        let mut message = vec![stage as u8];
        message.extend((errno as i32).to_le_bytes());
        // A keeper that is dead needs no report.
        let _ = write(report, &message);
    }
    // SAFETY: ends this process at once, without the exit handlers that belong to the keeper.
    unsafe { nix::libc::_exit(127) }
}

fn become_program(
    spawn: &Spawn,
    fds: Vec<OwnedFd>,
    base: RawFd,
    keeper: Pid,
    open_files: Option<rlim_t>,
) -> Result<Infallible, Failure> {
    let at = |stage| move |errno| (stage, errno);
    match spawn.group {
        Some(group) => setpgid(Pid::from_raw(0), Pid::from_raw(group)),
        None => setsid().map(drop),
    }
    .map_err(at(Stage::Fork))?;
    die_with(keeper).map_err(at(Stage::Fork))?;
    reset_signals().map_err(at(Stage::Fork))?;
    let mut fds = fds.into_iter();
    // Joining mounts leads out of it.
    let here = if spawn.mounts {
        std::env::current_dir().ok()
    } else {
        None
    };
    if let Some(name) = &spawn.namespace {
        let netns = fds.next().ok_or((Stage::Namespace, Errno::EBADF))?;
        let name = name.to_str().ok_or((Stage::Namespace, Errno::EINVAL))?;
        let entered = if spawn.mounts {
            let mounts = fds.next().ok_or((Stage::Namespace, Errno::EBADF))?;
            enter::join(netns, mounts, name)
        } else {
            enter::enter(netns, name)
        };
        entered.map_err(|error| (Stage::Namespace, error.errno))?;
    }
    if let Some(workdir) = spawn.workdir.as_ref().map(Path::new).or(here.as_deref()) {
        nix::unistd::chdir(workdir).map_err(at(Stage::Workdir))?;
    }
    place_descriptors(spawn, fds, base).map_err(at(Stage::Descriptors))?;
    if let Some(open_files) = open_files {
        let given = spawn.numbers.len() as rlim_t;
        limits::set_open_files(open_files.saturating_add(given)).map_err(at(Stage::Descriptors))?;
    }
    if spawn.terminal {
        // SAFETY: the ioctl takes a number and touches no memory. This process leads a session without a terminal.
        unsafe { control_terminal(0, 0) }.map_err(at(Stage::Terminal))?;
    }
    if let Some(identity) = &spawn.identity {
        become_user(identity).map_err(at(Stage::Identity))?;
        // Who changes its user loses that signal.
        die_with(keeper).map_err(at(Stage::Identity))?;
    }
    // Looks the program up in the PATH it will have.
    let error = std::process::Command::new(&spawn.program)
        .args(&spawn.args)
        .envs(spawn.env.iter().map(|(name, value)| (name as &OsStr, value)))
        .exec();
    Err((Stage::Exec, errno_of(&error)))
}

/// Has the kernel kill this process when the keeper dies.
fn die_with(keeper: Pid) -> nix::Result<()> {
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    // It may have died before that.
    if getppid() == keeper { Ok(()) } else { Err(Errno::ESRCH) }
}

/// Gives up this process's user and groups for others, and with root's user all capabilities, for good.
fn become_user(identity: &Identity) -> nix::Result<()> {
    let groups: Vec<Gid> = identity.groups.iter().copied().map(Gid::from_raw).collect();
    setgroups(&groups)?;
    let (uid, gid) = (Uid::from_raw(identity.uid), Gid::from_raw(identity.gid));
    setresgid(gid, gid, gid)?;
    setresuid(uid, uid, uid)?;
    prctl::set_no_new_privs()
}

/// Undoes what would survive exec: the signals the keeper blocks, and those the engine was started with ignored.
fn reset_signals() -> nix::Result<()> {
    for number in Signal::iterator().filter(|number| !matches!(number, Signal::SIGKILL | Signal::SIGSTOP)) {
        // SAFETY: the default action runs no code of ours.
        let _ = unsafe { signal(number, SigHandler::SigDfl) };
    }
    SigSet::all().thread_unblock()
}

/// Brings each descriptor to its number. All others are closed by exec.
fn place_descriptors(spawn: &Spawn, mut fds: impl Iterator<Item = OwnedFd>, base: RawFd) -> Result<(), Errno> {
    let null = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/null")
        .map_err(|error| errno_of(&error))?;
    // Its own number may be one that is wanted: closing it in the end must not close what was put there.
    let null = above(base, null.into())?;
    let mut placed = Vec::new();
    for (number, given) in (0..).zip(spawn.stdio) {
        let source = if given {
            fds.next().ok_or(Errno::EBADF)?
        } else {
            null.try_clone().map_err(|error| errno_of(&error))?
        };
        placed.push((source, number));
    }
    placed.extend(fds.zip(spawn.numbers.iter().copied()));
    // First all out of the way, then each to its place: a number wanted may be another's source.
    let moved = placed
        .into_iter()
        .map(|(source, number)| Ok((above(base, source)?, number)))
        .collect::<Result<Vec<_>, Errno>>()?;
    for (source, number) in moved {
        // SAFETY: whatever was open at this number was the keeper's; nothing in this process uses it any more, except
        // for the three standard streams, which keep being open.
        let target = unsafe { dup2_raw(&source, number) }?;
        // Stays open across exec.
        let _ = target.into_raw_fd();
    }
    Ok(())
}

/// The descriptor at a number of `base` or more, closed on exec.
fn above(base: RawFd, fd: OwnedFd) -> Result<OwnedFd, Errno> {
    if fd.as_raw_fd() >= base {
        return Ok(fd);
    }
    let moved = fcntl(&fd, FcntlArg::F_DUPFD_CLOEXEC(base))?;
    // SAFETY: the kernel has just made this descriptor; nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(moved) })
}

fn errno_of(error: &io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EINVAL, Errno::from_raw)
}
