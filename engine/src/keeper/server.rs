//! The keeper process itself: one thread that waits for the engine's messages, for the death of children and for the
//! outcome of each exec.

use std::{
    collections::{HashMap, VecDeque},
    io::{self, Read},
    os::fd::{AsFd, AsRawFd, OwnedFd},
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        prctl,
        resource::rlim_t,
        signal::{SigHandler, SigSet, Signal, kill, killpg, signal},
        signalfd::{SfdFlags, SignalFd},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::{ForkResult, Pid, dup2_stdin, fork, getpid, pipe2},
};

use super::{
    child,
    error::Stage,
    pidfd,
    process::Exit,
    socket::{self, MAX_FDS},
    tree,
    wire::{Reply, Request, Spawn},
};
use crate::host::limits;

/// How many programs may be between fork and exec at a time. Bounds the descriptors in use; the socket keeps the rest.
const MAX_STARTING: usize = 64;

/// How long a dead engine's processes may take to die before the rest of its traces is removed nevertheless. Only one
/// that hangs in the kernel (a dead NFS server) takes as long.
const DEATH_LIMIT: Duration = Duration::from_secs(10);

/// Why the keeper ended.
pub enum End {
    /// The engine's end of the socket was closed.
    EngineDied,
    /// The engine asked for it.
    Quit,
}

/// Runs the keeper until the engine is dead or wants it to end, and every descendant is gone.
pub fn run(socket: OwnedFd) -> io::Result<End> {
    let signals = prepare()?;
    // It holds what programs are given, some of which are given hundreds. If there is no more, fewer will have to do.
    let open_files = limits::raise_open_files().ok();
    let mut server = Server {
        socket,
        signals,
        pid: getpid(),
        open_files,
        children: HashMap::new(),
        starting: Vec::new(),
        outbox: VecDeque::new(),
        hunt: None,
        descriptors: None,
        closed: false,
        quit: false,
    };
    let end = server.serve();
    server.end_all()?;
    end
}

/// Makes this process one that nothing but the engine's death or wish ends.
fn prepare() -> io::Result<SignalFd> {
    prctl::set_name(c"pm2-keeper")?;
    prctl::set_child_subreaper(true)?;
    // Signals are for the engine to act upon. Blocked, not ignored: children would inherit what is ignored.
    SigSet::all().thread_block()?;
    // Whoever started the engine may have ignored it, and then there would be nothing to wait for.
    // SAFETY: the default action runs no code of ours.
    unsafe { signal(Signal::SIGCHLD, SigHandler::SigDfl) }?;
    let null = std::fs::File::open("/dev/null")?;
    dup2_stdin(&null)?;
    close_on_exec();
    let mask = SigSet::from(Signal::SIGCHLD);
    Ok(SignalFd::with_flags(
        &mask,
        SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC,
    )?)
}

/// Keeps descriptors that the engine itself had inherited from the programs of the lab.
fn close_on_exec() {
    // SAFETY: takes three numbers and touches no memory of ours. A kernel that lacks it (before 5.11) leaves things as
    // they are.
    unsafe {
        nix::libc::syscall(
            nix::libc::SYS_close_range,
            3,
            nix::libc::c_uint::MAX,
            nix::libc::CLOSE_RANGE_CLOEXEC,
        );
    }
}

/// The descriptors of a program, with those that came for it before.
fn joined(earlier: Option<(u64, Vec<OwnedFd>)>, id: u64, fds: Vec<OwnedFd>) -> Vec<OwnedFd> {
    let earlier = earlier.filter(|(of, _)| *of == id).map(|(_, fds)| fds);
    earlier.into_iter().flatten().chain(fds).collect()
}

struct Server {
    socket: OwnedFd,
    signals: SignalFd,
    pid: Pid,
    /// How many files programs may have open besides those that they are given, if that is another number than for this process.
    open_files: Option<rlim_t>,
    /// Each child that was started and not yet waited for, by process id.
    children: HashMap<i32, Child>,
    starting: Vec<Starting>,
    outbox: VecDeque<(Reply, Option<OwnedFd>)>,
    hunt: Option<Hunt>,
    /// What came for the program that the next message starts, and its number.
    descriptors: Option<(u64, Vec<OwnedFd>)>,
    /// Nothing is started any more.
    closed: bool,
    quit: bool,
}

/// A child that was started.
struct Child {
    /// The engine's number of it.
    id: u64,
    /// Whether it leads a process group.
    leads: bool,
}

/// A child between fork and exec.
struct Starting {
    id: u64,
    pid: Pid,
    pidfd: OwnedFd,
    /// Closed by a successful exec; otherwise the child writes why it failed.
    report: io::PipeReader,
}

/// The killing of every descendant. Only this process's own children are killed, because only they can't be mistaken
/// for another process with a recycled id; what they leave behind becomes a child of this process, and is next.
struct Hunt {
    /// Killed and not yet waited for.
    pending: usize,
}

impl Server {
    /// Serves the engine until it wants to end or is dead.
    fn serve(&mut self) -> io::Result<End> {
        let mut buffer = socket::buffer();
        loop {
            self.wait(None)?;
            self.look_after_children()?;
            while self.starting.len() < MAX_STARTING {
                match socket::receive(self.socket.as_fd(), &mut buffer) {
                    Ok(Some((length, fds))) => match Request::decode(&buffer[..length]) {
                        Some(request) => self.handle(request, fds)?,
                        // Both ends are the same executable: whoever sends this is no engine of ours.
                        None => return Ok(End::EngineDied),
                    },
                    Ok(None) => return Ok(End::EngineDied),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error),
                }
            }
            if !self.flush()? {
                return Ok(End::EngineDied);
            }
            if self.quit && self.hunt.is_none() && self.outbox.is_empty() {
                return Ok(End::Quit);
            }
        }
    }

    /// Kills whatever is left, with nobody to tell.
    fn end_all(&mut self) -> io::Result<()> {
        let deadline = Instant::now() + DEATH_LIMIT;
        self.hunt()?;
        while self.hunt.is_some() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            self.wait(Some(left))?;
            self.look_after_children()?;
            self.outbox.clear();
        }
        Ok(())
    }

    /// Waits until something can be done; with a limit, only for children.
    fn wait(&self, limit: Option<Duration>) -> io::Result<()> {
        let mut wanted = vec![PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)];
        let timeout = if let Some(limit) = limit {
            PollTimeout::try_from(limit).unwrap_or(PollTimeout::MAX)
        } else {
            let mut events = PollFlags::empty();
            events.set(PollFlags::POLLIN, self.starting.len() < MAX_STARTING);
            events.set(PollFlags::POLLOUT, !self.outbox.is_empty());
            wanted.push(PollFd::new(self.socket.as_fd(), events));
            PollTimeout::NONE
        };
        let reports = self.starting.iter().map(|starting| starting.report.as_fd());
        wanted.extend(reports.map(|report| PollFd::new(report, PollFlags::POLLIN)));
        match poll(&mut wanted, timeout) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Sends what waits to be sent. False if the engine is dead.
    fn flush(&mut self) -> io::Result<bool> {
        while let Some((reply, fd)) = self.outbox.front() {
            let fds: Vec<_> = fd.iter().map(AsRawFd::as_raw_fd).collect();
            match socket::send(self.socket.as_fd(), &reply.encode(), &fds) {
                Ok(()) => drop(self.outbox.pop_front()),
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => return Ok(true),
                    io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => return Ok(false),
                    _ => return Err(error),
                },
            }
        }
        Ok(true)
    }

    fn handle(&mut self, request: Request, fds: Vec<OwnedFd>) -> io::Result<()> {
        // Of a program whose own message could not be sent they are left over.
        let earlier = self.descriptors.take();
        match request {
            Request::Spawn(spawn) if self.closed => {
                self.outbox.push_back((Reply::Refused { id: spawn.id }, None));
            }
            Request::Spawn(spawn) => {
                let id = spawn.id;
                if let Err(errno) = self.start(&spawn, joined(earlier, id, fds)) {
                    self.fail(id, Stage::Fork as u8, errno as i32);
                }
            }
            Request::Descriptors { id } => {
                // Fewer: this process is at its limit, and needs those it has got for itself. The spawn will find them missing.
                let complete = fds.len() == MAX_FDS;
                self.descriptors = complete.then(|| (id, joined(earlier, id, fds)));
            }
            Request::Signal { id, pid, signal } => self.signal(id, pid, signal)?,
            Request::KillAll => self.hunt()?,
            Request::Quit => {
                self.quit = true;
                self.hunt()?;
            }
        }
        Ok(())
    }

    fn start(&mut self, spawn: &Spawn, fds: Vec<OwnedFd>) -> Result<(), Errno> {
        let (report, writer) = pipe2(nix::fcntl::OFlag::O_CLOEXEC | nix::fcntl::OFlag::O_NONBLOCK)?;
        let id = spawn.id;
        let expected = usize::from(spawn.namespace.is_some())
            + usize::from(spawn.mounts)
            + spawn.stdio.into_iter().filter(|given| *given).count()
            + spawn.numbers.len();
        if fds.len() != expected {
            return Err(Errno::EMFILE);
        }
        // SAFETY: this process has one thread, so no lock can be held by a thread that the child lacks.
        match unsafe { fork() }? {
            ForkResult::Child => child::run(spawn, fds, writer, self.pid, self.open_files),
            ForkResult::Parent { child: pid } => {
                let pidfd = pidfd::open(pid).inspect_err(|_| {
                    // Not waited for yet, so the id is still that child's.
                    let _ = kill(pid, Signal::SIGKILL);
                })?;
                let leads = spawn.group.is_none();
                self.children.insert(pid.as_raw(), Child { id, leads });
                self.starting.push(Starting {
                    id,
                    pid,
                    pidfd,
                    report: report.into(),
                });
                Ok(())
            }
        }
    }

    fn fail(&mut self, id: u64, stage: u8, errno: i32) {
        self.outbox.push_back((Reply::Failed { id, stage, errno }, None));
    }

    /// Sends a signal to the group of a child, or to one that leads none. While the child is not waited for, its id is its own; afterwards some
    /// other child of ours must still be in the group for the group to be the one that is meant.
    fn signal(&self, id: u64, pid: i32, signal: i32) -> io::Result<()> {
        let Ok(signal) = Signal::try_from(signal) else {
            return Ok(());
        };
        let group = Pid::from_raw(pid);
        let meant = match self.children.get(&pid) {
            Some(child) if child.id == id && !child.leads => {
                // A zombie needs no signal.
                let _ = kill(group, signal);
                return Ok(());
            }
            Some(child) => child.id == id,
            None => {
                killpg(group, None).is_ok()
                    && tree::children(self.pid.as_raw())?
                        .iter()
                        .any(|child| child.group == pid)
            }
        };
        if meant {
            // A group whose last member has just ended needs no signal.
            let _ = killpg(group, signal);
        }
        Ok(())
    }

    /// Waits for children that ended, and for the outcome of execs.
    fn look_after_children(&mut self) -> io::Result<()> {
        let mut index = 0;
        while index < self.starting.len() {
            index += usize::from(!self.settle(index));
        }
        // The signal only says that there is something to wait for.
        while self.signals.read_signal()?.is_some() {}
        loop {
            match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(pid, code)) => self.reaped(pid, Exit::Code(code)),
                Ok(WaitStatus::Signaled(pid, signal, _)) => self.reaped(pid, Exit::Signal(signal as i32)),
                Ok(WaitStatus::StillAlive) => break,
                Ok(_) | Err(Errno::EINTR) => {}
                Err(Errno::ECHILD) => {
                    if self.hunt.take().is_some() {
                        self.outbox.push_back((Reply::AllGone, None));
                    }
                    return Ok(());
                }
                Err(errno) => return Err(errno.into()),
            }
        }
        if self.hunt.as_ref().is_some_and(|hunt| hunt.pending == 0) {
            self.kill_children()?;
        }
        Ok(())
    }

    fn reaped(&mut self, pid: Pid, exit: Exit) {
        if let Some(index) = self.starting.iter().position(|starting| starting.pid == pid) {
            self.settle(index);
        }
        if let Some(Child { id, .. }) = self.children.remove(&pid.as_raw()) {
            self.outbox.push_back((Reply::Exited { id, exit }, None));
        }
        if let Some(hunt) = &mut self.hunt {
            hunt.pending = hunt.pending.saturating_sub(1);
        }
    }

    /// Reads what became of an exec and tells the engine. False if nothing is known yet.
    fn settle(&mut self, index: usize) -> bool {
        let mut message = [0; 5];
        let length = match self.starting[index].report.read(&mut message) {
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                return false;
            }
            Ok(length) => length,
            Err(_) => 0,
        };
        let starting = self.starting.swap_remove(index);
        if length == message.len() {
            let [stage, errno @ ..] = message;
            self.children.remove(&starting.pid.as_raw());
            self.fail(starting.id, stage, i32::from_le_bytes(errno));
        } else {
            let pid = starting.pid.as_raw();
            let reply = Reply::Spawned { id: starting.id, pid };
            self.outbox.push_back((reply, Some(starting.pidfd)));
        }
        true
    }

    /// Begins to kill every descendant; [`Reply::AllGone`] follows when none is left.
    fn hunt(&mut self) -> io::Result<()> {
        self.closed = true;
        self.hunt = Some(Hunt { pending: 0 });
        self.look_after_children()
    }

    fn kill_children(&mut self) -> io::Result<()> {
        let children = tree::children(self.pid.as_raw())?;
        for child in &children {
            // Not waited for yet, so the id is still that child's.
            let _ = kill(Pid::from_raw(child.pid), Signal::SIGKILL);
        }
        self.hunt = Some(Hunt {
            pending: children.len(),
        });
        Ok(())
    }
}
