//! Children that this process never started: those whose parents are gone.

use std::{convert::Infallible, io};

use nix::{
    sys::wait::{WaitPidFlag, waitpid},
    unistd::{Pid, getpid, getsid},
};
use tokio::signal::unix::{SignalKind, signal};

use super::tree::{self, Child};
use crate::blocking;

/// The children of this process that it did not start: each is in a session other than its own, where everything it
/// starts itself stays.
pub(super) fn strangers() -> io::Result<Vec<Child>> {
    let session = getsid(None)?.as_raw();
    let mut children = tree::children(getpid().as_raw())?;
    children.retain(|child| child.session != session);
    Ok(children)
}

/// Waits for strangers that end, for as long as this process runs. That is the business of the first process of a
/// container: whatever is left behind there becomes its child.
pub async fn reap_strangers() -> io::Result<Infallible> {
    let mut ended = signal(SignalKind::child())?;
    loop {
        ended.recv().await;
        for stranger in blocking::run(strangers).await? {
            // One that still runs is left alone.
            let _ = waitpid(Pid::from_raw(stranger.pid), Some(WaitPidFlag::WNOHANG));
        }
    }
}
