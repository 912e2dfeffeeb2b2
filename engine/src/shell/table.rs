//! The shells of a lab: those that are open, and how the last ones ended.

use std::{
    collections::BTreeMap,
    io,
    os::fd::OwnedFd,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};
use tokio::{io::unix::AsyncFd, net::UnixStream, sync::watch};
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use super::{ShellError, carry::carry, pipes::Pipes, program};
use crate::{
    blocking,
    fabric::Netns,
    keeper::{Exit, Inside, Keeper, Process},
    pty::{self, Pty, Size},
};

/// Shells that may be open at a time.
const OPEN: usize = 256;

/// Ended shells that are remembered.
const REMEMBERED: usize = 256;

/// A shell as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The terminal it is to run on; `None`: on none, as scripts want it.
    pub terminal: Option<Terminal>,
    /// The command instead of root's shell; empty: the shell.
    pub command: Vec<String>,
}

/// A terminal as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terminal {
    /// Its size.
    pub size: Size,
    /// Its kind, for `TERM`.
    pub term: String,
}

/// A shell that was opened.
#[derive(Debug)]
pub struct Opened {
    /// Its name in the table.
    pub id: String,
    /// What is written is typed, or is its input; what is read is shown. Closing it hangs the shell up; it ends with the shell.
    pub stream: UnixStream,
}

/// What is known of a shell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ShellState {
    /// Its id.
    pub id: String,
    /// The namespace.
    pub netns: String,
    /// Its process id as the host sees it.
    pub pid: u32,
    /// Exit code, if it ended by itself.
    pub exit_code: Option<i32>,
    /// Number of the signal that ended it.
    pub signal: Option<i32>,
}

/// The shells of a lab. Cheap to clone.
#[derive(Clone, Default)]
pub struct Shells {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    last: u64,
    open: usize,
    /// By number, so that the oldest come first.
    shells: BTreeMap<u64, Entry>,
}

struct Entry {
    state: ShellState,
    /// `None` without one, and once it was hung up.
    terminal: Option<Arc<AsyncFd<OwnedFd>>>,
    /// By what the length of its input is told; `None` on a terminal.
    length: Option<watch::Sender<Option<u64>>>,
}

/// What a shell is spoken to through.
enum Streams {
    Terminal(Arc<AsyncFd<OwnedFd>>),
    Pipes(Pipes),
}

/// The right to one more open shell.
struct Place(Shells);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.lock().open -= 1;
    }
}

impl Shells {
    /// Opens a shell in a namespace. It is a child of the keeper.
    pub async fn open(&self, keeper: &Keeper, netns: &Netns, wanted: Wanted) -> Result<Opened, ShellError> {
        let place = self.place()?;
        let failed = |source: io::Error| ShellError::Terminal {
            netns: netns.name().to_owned(),
            source,
        };
        let inside = Inside::of(netns).map_err(failed)?;
        let (client, stream) = UnixStream::pair().map_err(failed)?;
        // The program's ends are its alone, and its children's, once it runs.
        let (streams, programs, length) = if let Some(terminal) = &wanted.terminal {
            let (terminal, programs) = open_terminal(terminal.size).map_err(failed)?;
            (Streams::Terminal(terminal), programs, None)
        } else {
            let (pipes, programs, length) = Pipes::open().map_err(failed)?;
            (Streams::Pipes(pipes), programs, Some(length))
        };
        let mut command = blocking::run(move || {
            let term = wanted.terminal.as_ref().map(|terminal| terminal.term.as_str());
            program::command(&wanted.command, term, programs)
        })
        .await;
        command.namespace = Some(inside);
        let process = keeper.spawn(command).await.map_err(|source| ShellError::Start {
            netns: netns.name().to_owned(),
            source,
        })?;
        let number = self.add(netns.name(), process.pid, &streams, length);
        let shells = self.clone();
        tokio::spawn(async move {
            shells.attend(number, &process, streams, client).await;
            drop(place);
        });
        let id = number.to_string();
        Ok(Opened { id, stream })
    }

    /// Serves a shell to its end. Its end is known before its client sees the end of the stream.
    async fn attend(&self, number: u64, process: &Process, streams: Streams, client: UnixStream) {
        let over = CancellationToken::new();
        let wait = async {
            self.ended(number, process.ended().await);
            over.cancel();
        };
        let serve = async {
            match streams {
                // The last one to let go hangs up.
                Streams::Terminal(terminal) => carry(&terminal, client, &over).await,
                Streams::Pipes(pipes) => {
                    pipes.carry(client, &over).await;
                    // What a shell that has ended left behind is its own.
                    if !over.is_cancelled() {
                        process.signal(Signal::SIGHUP);
                    }
                }
            }
            self.hang_up(number);
        };
        tokio::join!(wait, serve);
    }

    /// Gives a shell's terminal another size.
    pub fn resize(&self, id: &str, size: Size) -> Result<(), ShellError> {
        let terminal = self.find(id, |entry| entry.terminal.clone())?;
        let terminal = terminal.ok_or_else(|| ShellError::Ended(id.to_owned()))?;
        pty::resize(terminal.get_ref(), size).map_err(|_| ShellError::Ended(id.to_owned()))
    }

    /// Ends the input of a shell without a terminal behind that many bytes.
    pub fn end_input(&self, id: &str, length: u64) -> Result<(), ShellError> {
        let told = self.find(id, |entry| entry.length.as_ref().map(|told| told.send(Some(length))))?;
        // A shell that has just ended needs no input.
        told.map(drop).ok_or_else(|| ShellError::OnTerminal(id.to_owned()))
    }

    /// What is known of a shell.
    pub fn state(&self, id: &str) -> Result<ShellState, ShellError> {
        self.find(id, |entry| entry.state.clone())
    }

    fn find<T>(&self, id: &str, look: impl FnOnce(&Entry) -> T) -> Result<T, ShellError> {
        let number: Option<u64> = id.parse().ok();
        let inner = self.lock();
        let found = number.and_then(|number| inner.shells.get(&number)).map(look);
        found.ok_or_else(|| ShellError::NotFound(id.to_owned()))
    }

    fn place(&self) -> Result<Place, ShellError> {
        let mut inner = self.lock();
        if inner.open >= OPEN {
            return Err(ShellError::TooMany(OPEN));
        }
        inner.open += 1;
        drop(inner);
        Ok(Place(self.clone()))
    }

    fn add(&self, netns: &str, pid: u32, streams: &Streams, length: Option<watch::Sender<Option<u64>>>) -> u64 {
        let mut inner = self.lock();
        inner.last += 1;
        let number = inner.last;
        let state = ShellState {
            id: number.to_string(),
            netns: netns.to_owned(),
            pid,
            exit_code: None,
            signal: None,
        };
        let terminal = match streams {
            Streams::Terminal(terminal) => Some(Arc::clone(terminal)),
            Streams::Pipes(_) => None,
        };
        let entry = Entry {
            state,
            terminal,
            length,
        };
        inner.shells.insert(number, entry);
        number
    }

    /// Notes how a shell ended, and forgets the oldest that did.
    fn ended(&self, number: u64, exit: Exit) {
        let mut inner = self.lock();
        if let Some(Entry { state, .. }) = inner.shells.get_mut(&number) {
            match exit {
                Exit::Code(code) => state.exit_code = Some(code),
                Exit::Signal(signal) => state.signal = Some(signal),
            }
        }
        let ended = |state: &ShellState| state.exit_code.or(state.signal).is_some();
        let ended: Vec<u64> = inner
            .shells
            .iter()
            .filter(|(_, entry)| ended(&entry.state))
            .map(|(number, _)| *number)
            .collect();
        for number in ended.iter().take(ended.len().saturating_sub(REMEMBERED)) {
            inner.shells.remove(number);
        }
    }

    /// Lets go of a shell's terminal.
    fn hang_up(&self, number: u64) {
        if let Some(entry) = self.lock().shells.get_mut(&number) {
            entry.terminal = None;
        }
    }

    /// A panic while the lock was held can't have left the table half changed.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes a terminal of that size, and the program's ends of it.
fn open_terminal(size: Size) -> io::Result<(Arc<AsyncFd<OwnedFd>>, [OwnedFd; 3])> {
    let pty = Pty::open()?;
    pty::resize(&pty.slave, size)?;
    let programs = [pty.slave.try_clone()?, pty.slave.try_clone()?, pty.slave];
    // SAFETY: the `OwnedFd` keeps its descriptor open, and the same, for as long as the `AsyncFd` holds it.
    let terminal = unsafe { AsyncFd::register(pty.master) }?;
    Ok((Arc::new(terminal), programs))
}
