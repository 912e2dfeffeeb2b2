//! The engine's side of the keeper: a task that owns the socket, and handles that talk to it through channels.
//!
//! Any number of requests may be under way; nothing waits for another's answer.

use std::{
    collections::{HashMap, VecDeque},
    io,
    os::{
        fd::{AsFd, AsRawFd, OwnedFd},
        unix::process::CommandExt,
    },
    path::Path,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use nix::{
    errno::Errno,
    sys::{
        prctl,
        signal::{Signal, kill},
        wait::waitpid,
    },
    unistd::Pid,
};
use tokio::{
    io::{Interest, unix::AsyncFd},
    sync::{mpsc, oneshot, watch},
};

use super::{
    ARGV0,
    command::{Command, Encoded, Names},
    error::{KeeperError, Stage},
    pidfd,
    process::{Exit, Process},
    socket::{self, MAX_FDS},
    strangers::strangers,
    wire::{Reply, Request},
};
use crate::{blocking, shortage};

/// Handle on the keeper process: the parent of every process of a lab, which ends them all when the engine dies.
///
/// An engine has one; when the last clone is dropped without [`Keeper::quit`], the keeper does what it does for a dead
/// engine.
#[derive(Clone)]
pub struct Keeper {
    requests: mpsc::UnboundedSender<Outgoing>,
    last_id: Arc<AtomicU64>,
    /// What every program's environment has besides.
    mark: Option<(&'static str, String)>,
    gone: watch::Receiver<bool>,
}

/// What handles ask the task to send.
pub enum Outgoing {
    /// Start a program.
    Spawn(u64, Encoded, SpawnReply),
    /// A request that is not answered.
    Request(Request),
    /// Kill every descendant and tell when none is left.
    KillAll(oneshot::Sender<()>),
}

type SpawnReply = oneshot::Sender<Result<Process, KeeperError>>;

impl Keeper {
    /// Starts the keeper for a lab directory (`/run/placemat2/LAB`). Needs a tokio runtime, and a `main` that begins with
    /// [`super::run_if_keeper`].
    ///
    /// Makes the calling process a subreaper. Its other children must stay in its session: those in another are taken for
    /// what a dead keeper left behind.
    pub fn start(lab_dir: &Path) -> Result<Self, KeeperError> {
        let start = || -> io::Result<_> {
            prctl::set_child_subreaper(true)?;
            let (socket, keepers) = socket::pair()?;
            // SAFETY: the `OwnedFd` keeps its descriptor open, and the same, for as long as the `AsyncFd` holds it.
            let socket = unsafe { AsyncFd::register_with_interest(socket, Interest::READABLE | Interest::WRITABLE) }?;
            // The socket as stdin is what tells a keeper from a program that merely has this name. No terminal: writing
            // to one may block. A group of its own: Ctrl-C is for the engine.
            let child = std::process::Command::new("/proc/self/exe")
                .arg0(ARGV0)
                .arg(lab_dir)
                // Only the engine speaks for the service; a program of the lab that does too would be believed.
                .env_remove("NOTIFY_SOCKET")
                .stdin(keepers)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .process_group(0)
                .spawn()?;
            let pidfd = pidfd::open(Pid::from_raw(child.id().cast_signed()))?;
            Ok((socket, child, pidfd))
        };
        let (socket, child, pidfd) = start().map_err(KeeperError::Start)?;
        let (requests, incoming) = mpsc::unbounded_channel();
        let (gone, gone_watch) = watch::channel(false);
        let connection = Connection {
            socket,
            spawns: HashMap::new(),
            exits: HashMap::new(),
            kill_waiters: Vec::new(),
            requests: requests.downgrade(),
        };
        tokio::spawn(async move {
            connection.run(incoming).await;
            pidfd::ended(pidfd).await;
            let mut child = child;
            // It has ended, so this does not block.
            let _ = child.wait();
            gone.send_replace(true);
        });
        Ok(Self {
            requests,
            last_id: Arc::default(),
            mark: None,
            gone: gone_watch,
        })
    }

    /// The same keeper, for programs that get a variable of this name and value besides those of the engine.
    #[must_use]
    pub fn marking(self, variable: &'static str, value: String) -> Self {
        let mark = Some((variable, value));
        Self { mark, ..self }
    }

    /// Starts a program. Returns when exec succeeded or failed. If the future is dropped before, the program is killed.
    pub async fn spawn(&self, mut command: Command) -> Result<Process, KeeperError> {
        let id = self.last_id.fetch_add(1, Ordering::Relaxed);
        // Last, so that no program is without it because its own environment sets it.
        let mark = self.mark.as_ref();
        command
            .env
            .extend(mark.map(|(name, value)| (name.into(), value.into())));
        let encoded = command.encode(id)?;
        let (reply, answer) = oneshot::channel();
        let request = Outgoing::Spawn(id, encoded, reply);
        self.requests.send(request).map_err(|_| KeeperError::Gone)?;
        answer.await.unwrap_or(Err(KeeperError::Gone))
    }

    /// Kills every process that was started and whatever they forked, and returns when all are gone. No program can be
    /// started any more. Works also when the keeper itself is gone.
    pub async fn kill_all(&self) {
        let (done, all_gone) = oneshot::channel();
        let sent = self.requests.send(Outgoing::KillAll(done));
        if sent.is_ok() && all_gone.await.is_ok() {
            return;
        }
        self.gone().await;
        if let Err(error) = blocking::run(kill_orphans).await {
            tracing::warn!("cannot kill what the dead keeper left behind: {error}");
        }
    }

    /// Ends the keeper: kills as [`Keeper::kill_all`], but does not treat the engine as dead. Returns when the keeper is
    /// gone.
    pub async fn quit(&self) {
        // If it is gone already there is nothing to ask for.
        let _ = self.requests.send(Outgoing::Request(Request::Quit));
        self.gone().await;
    }

    /// Returns when the keeper process has ended. Unless that was asked for, somebody killed it: the processes it
    /// started die with it; those that daemonized, or changed their user, go on until [`Keeper::kill_all`].
    pub async fn gone(&self) {
        // An error says that the task is gone, and the keeper's socket with it.
        let _ = self.gone.clone().wait_for(|gone| *gone).await;
    }
}

/// What the task knows.
struct Connection {
    socket: AsyncFd<OwnedFd>,
    /// Programs that were asked for and not answered yet.
    spawns: HashMap<u64, (Names, SpawnReply)>,
    /// Those who wait for the end of running programs.
    exits: HashMap<u64, watch::Sender<Option<Exit>>>,
    kill_waiters: Vec<oneshot::Sender<()>>,
    /// For processes to send signals with. Weak: the task ends when nobody else can ask for anything.
    requests: mpsc::WeakUnboundedSender<Outgoing>,
}

/// What is sent at once.
struct Message {
    bytes: Vec<u8>,
    fds: Vec<OwnedFd>,
    /// The engine's number of the child that it is to start.
    spawn: Option<u64>,
}

impl Message {
    fn of(request: &Request) -> [Self; 1] {
        [Self {
            bytes: request.encode(),
            fds: Vec::new(),
            spawn: None,
        }]
    }
}

/// The messages that start a program: the last does, those before it carry the descriptors that it can't.
fn spawn_messages(id: u64, bytes: Vec<u8>, mut fds: Vec<OwnedFd>) -> VecDeque<Message> {
    let spawn = Some(id);
    let mut messages = VecDeque::new();
    while fds.len() > MAX_FDS {
        let rest = fds.split_off(MAX_FDS);
        messages.push_back(Message {
            bytes: Request::Descriptors { id }.encode(),
            fds: std::mem::replace(&mut fds, rest),
            spawn,
        });
    }
    messages.push_back(Message { bytes, fds, spawn });
    messages
}

impl Connection {
    /// Serves until the keeper is gone or not wanted any more. Who then waits for an answer finds the channel closed.
    async fn run(mut self, mut incoming: mpsc::UnboundedReceiver<Outgoing>) {
        if let Err(error) = self.serve(&mut incoming).await {
            tracing::error!("the connection to the keeper process broke: {error}");
        }
    }

    /// Passes messages in both directions until the keeper is gone or nobody holds a handle any more.
    async fn serve(&mut self, incoming: &mut mpsc::UnboundedReceiver<Outgoing>) -> io::Result<()> {
        let mut buffer = socket::buffer();
        let mut waiting: VecDeque<Message> = VecDeque::new();
        loop {
            tokio::select! {
                outgoing = incoming.recv(), if waiting.is_empty() => match outgoing {
                    Some(outgoing) => waiting = self.register(outgoing),
                    None => return Ok(()),
                },
                sent = send(&self.socket, waiting.front()), if !waiting.is_empty() => {
                    if let Some(Message { bytes, spawn, .. }) = waiting.pop_front()
                        && let Err(error) = sent
                    {
                        // The rest is of the same program, which can't be started.
                        waiting.clear();
                        self.not_sent(spawn, bytes.len(), error)?;
                    }
                }
                received = self.socket.async_io(Interest::READABLE, |fd| socket::receive(fd.as_fd(), &mut buffer)) => {
                    match received? {
                        Some((length, fds)) => match Reply::decode(&buffer[..length]) {
                            Some(reply) => self.dispatch(&reply, fds),
                            // Both ends are the same executable.
                            None => return Err(io::ErrorKind::InvalidData.into()),
                        },
                        None => return Ok(()),
                    }
                }
            }
        }
    }

    /// Remembers who waits for an answer; returns what to send.
    fn register(&mut self, outgoing: Outgoing) -> VecDeque<Message> {
        match outgoing {
            Outgoing::Spawn(id, encoded, reply) => {
                self.spawns.insert(id, (encoded.names, reply));
                spawn_messages(id, encoded.bytes, encoded.fds)
            }
            Outgoing::Request(request) => Message::of(&request).into(),
            Outgoing::KillAll(done) => {
                self.kill_waiters.push(done);
                Message::of(&Request::KillAll).into()
            }
        }
    }

    /// A message that cannot be sent fails the program it was to start; an error in the connection is returned.
    fn not_sent(&mut self, spawn: Option<u64>, length: usize, error: io::Error) -> io::Result<()> {
        // A dead keeper: the reading side will tell, once it has read the last replies.
        if matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) {
            return Ok(());
        }
        let Some((names, reply)) = spawn.and_then(|id| self.spawns.remove(&id)) else {
            return Err(error);
        };
        let program = names.program;
        // Whoever asked may have gone.
        let _ = reply.send(Err(if error.raw_os_error() == Some(Errno::EMSGSIZE as i32) {
            KeeperError::TooLong { program, length }
        } else {
            KeeperError::refused(program, error)
        }));
        Ok(())
    }

    fn dispatch(&mut self, reply: &Reply, fds: Vec<OwnedFd>) {
        match *reply {
            Reply::Spawned { id, pid } => self.spawned(id, pid, fds),
            Reply::Failed { id, stage, errno } => self.answer(id, |names| {
                let cause = io::Error::from_raw_os_error(errno);
                if shortage::remedy(&cause).is_some() {
                    return KeeperError::refused(names.program, cause);
                }
                KeeperError::Spawn {
                    source: Stage::from_number(stage).unwrap_or(Stage::Exec).describe(
                        errno,
                        &names.program,
                        names.namespace.as_deref(),
                        names.workdir.as_deref(),
                    ),
                    program: names.program,
                }
            }),
            Reply::Refused { id } => self.answer(id, |names| KeeperError::Closed { program: names.program }),
            Reply::Exited { id, exit } => {
                if let Some(waiter) = self.exits.remove(&id) {
                    waiter.send_replace(Some(exit));
                }
            }
            Reply::AllGone => {
                for waiter in self.kill_waiters.drain(..) {
                    // Whoever waited may have gone.
                    let _ = waiter.send(());
                }
            }
        }
    }

    fn answer(&mut self, id: u64, error: impl FnOnce(Names) -> KeeperError) {
        if let Some((names, reply)) = self.spawns.remove(&id) {
            // Whoever asked may have gone.
            let _ = reply.send(Err(error(names)));
        }
    }

    fn spawned(&mut self, id: u64, pid: i32, fds: Vec<OwnedFd>) {
        let Some((names, reply)) = self.spawns.remove(&id) else {
            return;
        };
        // None left: the task is about to end, and the process with it.
        let Some(requests) = self.requests.upgrade() else {
            return;
        };
        let Some(pidfd) = fds.into_iter().next() else {
            let signal = Signal::SIGKILL as i32;
            // The task itself receives what is sent here.
            let _ = requests.send(Outgoing::Request(Request::Signal { id, pid, signal }));
            let _ = reply.send(Err(KeeperError::refused(names.program, Errno::EMFILE.into())));
            return;
        };
        let (exit, exit_watch) = watch::channel(None);
        self.exits.insert(id, exit);
        let process = Process {
            pid: pid.unsigned_abs(),
            id,
            pidfd,
            exit: exit_watch,
            requests,
        };
        if let Err(Ok(process)) = reply.send(Ok(process)) {
            // Whoever wanted it has given up, and nobody else knows of it.
            process.signal(Signal::SIGKILL);
        }
    }
}

async fn send(socket: &AsyncFd<OwnedFd>, message: Option<&Message>) -> io::Result<()> {
    let Some(Message { bytes, fds, .. }) = message else {
        return Ok(());
    };
    let fds: Vec<_> = fds.iter().map(AsRawFd::as_raw_fd).collect();
    let send = |socket: &OwnedFd| socket::send(socket.as_fd(), bytes, &fds);
    socket.async_io(Interest::WRITABLE, send).await
}

/// Kills what a dead keeper left behind: this process is a subreaper, so all of it became its children, each in a
/// session other than its own. Returns when all are gone.
fn kill_orphans() -> io::Result<()> {
    loop {
        let orphans = strangers()?;
        if orphans.is_empty() {
            return Ok(());
        }
        for orphan in &orphans {
            // Waited for only below, so the id is still that child's.
            let _ = kill(Pid::from_raw(orphan.pid), Signal::SIGKILL);
        }
        for orphan in &orphans {
            // What it leaves behind is found by the next round.
            let _ = waitpid(Pid::from_raw(orphan.pid), None);
        }
    }
}
