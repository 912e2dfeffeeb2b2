//! A process of the lab as the engine holds it.

use std::{fmt, os::fd::OwnedFd, time::Duration};

use nix::sys::signal::Signal;
use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};

use super::{client::Outgoing, pidfd, wire::Request};

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// With this exit code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

impl Exit {
    /// Whether it ended as a program that did what it should.
    pub fn success(self) -> bool {
        self == Self::Code(0)
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exited with code {code}"),
            Self::Signal(number) => match Signal::try_from(*number) {
                Ok(signal) => write!(f, "was killed by signal {number} ({signal})"),
                Err(_) => write!(f, "was killed by signal {number}"),
            },
        }
    }
}

/// A running child, usually a session leader of its own. Dropping it leaves the process running.
pub struct Process {
    /// As the host sees it.
    pub pid: u32,
    pub(super) id: u64,
    pub(super) pidfd: OwnedFd,
    pub(super) exit: watch::Receiver<Option<Exit>>,
    pub(super) requests: mpsc::UnboundedSender<Outgoing>,
}

impl Process {
    /// Waits for the end. Cancel safe; may be called again.
    pub async fn wait(&mut self) -> Exit {
        self.ended().await
    }

    /// Waits for the end, for somebody who doesn't hold the process.
    pub fn ended(&self) -> impl Future<Output = Exit> + Send + use<> {
        let (mut exit, pidfd) = (self.exit.clone(), self.pidfd.try_clone());
        async move {
            if let Ok(exit) = exit.wait_for(Option::is_some).await
                && let Some(exit) = *exit
            {
                return exit;
            }
            // The keeper died and took its children along, but for those that had changed their user, which are killed by
            // whoever hears of the keeper's end. Each pidfd becomes readable as that happens.
            if let Ok(pidfd) = pidfd {
                pidfd::ended(pidfd).await;
            }
            Exit::Signal(Signal::SIGKILL as i32)
        }
    }

    /// Sends a signal to the process's group, to the process alone if it is in the engine's; nothing happens if all of it has
    /// ended.
    ///
    /// The keeper does it, which alone knows for sure that the process's id has not become another's.
    pub fn signal(&self, signal: Signal) {
        let request = Request::Signal {
            id: self.id,
            pid: i32::try_from(self.pid).unwrap_or_default(),
            signal: signal as i32,
        };
        // Without a keeper, whatever of it still runs is about to be killed.
        let _ = self.requests.send(Outgoing::Request(request));
    }

    /// Ends the process's group: SIGTERM, up to `grace` for the process to end by itself, then SIGKILL for whatever is
    /// left of the group.
    pub async fn stop(&mut self, grace: Duration) -> Exit {
        self.signal(Signal::SIGTERM);
        let ended = timeout(grace, self.wait()).await;
        self.signal(Signal::SIGKILL);
        match ended {
            Ok(exit) => exit,
            Err(_) => self.wait().await,
        }
    }
}
