//! Processes of a dead lab that neither its engine nor its keeper lived to kill: those that became daemons, when both were
//! killed at once.
//!
//! Each run of a lab has a random mark in the environment of everything it starts, which programs hand on to what they
//! start. One that takes care to give it away (`env -i`) is not found.

use std::{
    fs, io,
    os::fd::{AsFd, OwnedFd},
    thread,
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

/// How often, and after how long, a process is looked at again whose environment is empty: for a moment within exec it is,
/// and nothing tells when that is over.
const LOOKS: u32 = 5;
const BETWEEN_LOOKS: Duration = Duration::from_millis(2);

/// A new mark and the variable it is the value of.
pub(super) fn mark() -> io::Result<(&'static str, String)> {
    let uuid = fs::read_to_string("/proc/sys/kernel/random/uuid")?;
    Ok((VARIABLE, uuid.trim().to_owned()))
}

/// Kills every process with that mark and what they start meanwhile; returns whether there was one.
pub(super) fn kill(mark: &str) -> Result<bool, Refusal> {
    let entry = format!("{VARIABLE}={mark}");
    let deadline = Instant::now() + DEATH_LIMIT;
    let (mut any, mut looks) = (false, 0);
    loop {
        let (marked, unsure) = marked(entry.as_bytes())?;
        looks += 1;
        if marked.is_empty() {
            if !unsure || looks >= LOOKS {
                return Ok(any);
            }
            thread::sleep(BETWEEN_LOOKS);
            continue;
        }
        (any, looks) = (true, 0);
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

/// The living processes that have `entry` in their environment, without this one; and whether there are any of which that
/// can't be told.
fn marked(entry: &[u8]) -> io::Result<(Vec<OwnedFd>, bool)> {
    let own = std::process::id();
    // Empty for what is dead and not waited for, an error for what is gone.
    let environ = |pid: u32| fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    let has_entry = |environ: &[u8]| environ.split(|&byte| byte == 0).any(|found| found == entry);
    let (mut processes, mut unsure) = (Vec::new(), false);
    for file in fs::read_dir("/proc")? {
        let Some(pid) = file?.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        if pid == own {
            continue;
        }
        let found = environ(pid);
        // The dead and the kernel's threads have no executable either.
        unsure |= found.is_empty() && fs::read_link(format!("/proc/{pid}/exe")).is_ok();
        if !has_entry(&found) {
            continue;
        }
        let Ok(process) = pidfd::open(Pid::from_raw(pid.cast_signed())) else {
            continue;
        };
        // Now that the descriptor stands for one process, that it is the one which has the mark.
        if has_entry(&environ(pid)) {
            processes.push(process);
        }
    }
    Ok((processes, unsure))
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
