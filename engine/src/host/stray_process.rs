//! Processes of a dead lab that neither its engine nor its keeper lived to kill: those that became daemons, when both were
//! killed at once.
//!
//! Each run of a lab has a random mark in the environment of everything it starts, which programs hand on to what they
//! start. One that takes care to give it away (`env -i`) is not found.

use std::{
    fs, io,
    os::fd::{AsFd, OwnedFd},
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    unistd::Pid,
};

use super::undo::Refusal;
use crate::keeper::pidfd;

/// The variable whose value is the mark.
const VARIABLE: &str = "PLACEMAT2_RUN";

/// How long killed processes may take to die. Only one that hangs in the kernel takes as long.
const DEATH_LIMIT: Duration = Duration::from_secs(5);

/// A new mark and the variable it is the value of.
pub(super) fn mark() -> io::Result<(&'static str, String)> {
    let uuid = fs::read_to_string("/proc/sys/kernel/random/uuid")?;
    Ok((VARIABLE, uuid.trim().to_owned()))
}

/// Kills every process with that mark and what they start meanwhile; returns whether there was one.
pub(super) fn kill(mark: &str) -> Result<bool, Refusal> {
    let entry = format!("{VARIABLE}={mark}");
    let deadline = Instant::now() + DEATH_LIMIT;
    let mut any = false;
    loop {
        let marked = marked(entry.as_bytes())?;
        if marked.is_empty() {
            return Ok(any);
        }
        any = true;
        for process in &marked {
            match pidfd::kill(process.as_fd()) {
                Ok(()) | Err(Errno::ESRCH) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        for process in &marked {
            let left = deadline.saturating_duration_since(Instant::now());
            let mut ended = [PollFd::new(process.as_fd(), PollFlags::POLLIN)];
            match poll(&mut ended, PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO)) {
                Ok(0) => return Err(Errno::ETIMEDOUT.into()),
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}

/// The living processes that have `entry` in their environment, without this one.
fn marked(entry: &[u8]) -> io::Result<Vec<OwnedFd>> {
    let own = std::process::id();
    let has_entry = |pid: u32| {
        // Empty for what is dead and not waited for, an error for what is gone.
        let environ = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environ.split(|&byte| byte == 0).any(|found| found == entry)
    };
    let mut processes = Vec::new();
    for file in fs::read_dir("/proc")? {
        let Some(pid) = file?.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        if pid == own || !has_entry(pid) {
            continue;
        }
        let Ok(process) = pidfd::open(Pid::from_raw(pid.cast_signed())) else {
            continue;
        };
        // Now that the descriptor stands for one process, that it is the one which has the mark.
        if has_entry(pid) {
            processes.push(process);
        }
    }
    Ok(processes)
}

#[cfg(test)]
mod tests {
    use std::{os::unix::process::ExitStatusExt, process::Command};

    use super::*;

    #[test]
    fn marked_processes_and_no_others_are_killed() {
        let (variable, ours) = mark().unwrap();
        let (_, others) = mark().unwrap();
        let start = |mark: &str| Command::new("sleep").arg("60").env(variable, mark).spawn().unwrap();
        let (mut one, mut other) = (start(&ours), start(&others));
        assert!(kill(&ours).unwrap());
        assert_eq!(one.wait().unwrap().signal(), Some(9));
        assert!(!kill(&ours).unwrap());
        assert!(other.try_wait().unwrap().is_none());
        assert!(kill(&others).unwrap());
        other.wait().unwrap();
    }
}
