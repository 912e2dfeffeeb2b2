//! One QEMU process with what belongs to it: from its start to its end.

use std::{
    fs::File,
    io,
    os::{fd::OwnedFd, unix::net::UnixStream as StdStream},
    sync::Arc,
    time::Duration,
};

use futures::future::join_all;
use nix::sys::signal::Signal;
use serde_json::json;
use tokio::{
    net::UnixStream,
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep, timeout, timeout_at},
};

use super::{
    Medium, NodeEnv, NodeError, medium,
    output::Output,
    owner, port,
    qmp::{Event, Qmp, QmpError},
    share::Share,
    telling,
    tpm::TpmEmulator,
};
use crate::{
    blocking,
    console::Console,
    fabric::Tap,
    keeper::{Command, Exit, Identity, Process},
    plan::{self, BootSource, Node},
    store::Level,
};

/// How long QEMU has to end by itself when it is told to quit, before it is killed.
const QUIT_LIMIT: Duration = Duration::from_secs(2);
/// How long QEMU has to answer a command.
const COMMAND_LIMIT: Duration = Duration::from_secs(5);
/// How long the monitor's last events are waited for after QEMU has ended.
const LAST_EVENTS_LIMIT: Duration = Duration::from_millis(500);

/// How much later than the end of its helpers, which end with it, QEMU's own may be heard of.
const QEMU_NEWS: Duration = Duration::from_secs(1);

/// How long a break lasts.
const BREAK: Duration = Duration::from_millis(250);

/// In QEMU's words: strerror(3) of what a user may not do.
const NOT_ALLOWED: &str = "Permission denied";

/// A running QEMU.
pub(super) struct Machine {
    process: Process,
    tpm: Option<TpmEmulator>,
    shares: Vec<Share>,
    /// Those who wait for the end of one of them.
    losses: JoinSet<String>,
    output: Output,
    monitor: Monitor,
    /// The last `SHUTDOWN` event: why QEMU is about to end.
    shutdown: Option<Event>,
    /// Who it runs as, if not as the engine.
    user: Option<String>,
    /// In which order its firmware is to try devices.
    order: Vec<String>,
}

/// How a machine is at power-on, beyond its plan.
#[derive(Default)]
pub(super) struct Outset {
    /// In which order its firmware tries devices; empty: as it likes.
    pub order: Vec<String>,
    /// What is in its CD drive.
    pub medium: Option<Medium>,
    /// Its TPM has forgotten everything.
    pub clear_tpm: bool,
}

/// The connection to QEMU's monitor.
enum Monitor {
    /// Not yet greeted.
    Fresh(UnixStream),
    Connected(Qmp, mpsc::Receiver<Event>),
    /// It failed; what remains is to kill.
    Failed,
}

/// What a running machine tells.
pub(super) enum News {
    Event(Event),
    /// A process that it needs has ended: what that means, in a sentence.
    Lost(String),
    Ended(Exit),
}

/// How a machine ended.
pub(super) struct Ending {
    pub level: Level,
    /// Why, with QEMU's last words if they help.
    pub reason: String,
}

impl Machine {
    /// Starts QEMU with all it is handed: sockets, taps, vhost.
    pub(super) async fn spawn(
        plan: &Arc<plan::Node>,
        outset: Outset,
        taps: &[Arc<Tap>],
        env: &NodeEnv,
        console: &Console,
    ) -> Result<Self, NodeError> {
        let io_error = |what: &str| {
            let (node, what) = (plan.name.clone(), what.to_owned());
            move |source| NodeError::Io { node, what, source }
        };
        let (qmp, qmp_end) = socket_pair().map_err(io_error("make a socket"))?;
        let (port, port_end) = socket_pair().map_err(io_error("make a socket"))?;
        let (output, stderr) = Output::pipe(env.debug.then(|| plan.name.clone())).map_err(io_error("make a pipe"))?;
        let mut command = Command::new(&plan.qemu.program);
        let mut more = Node::boot_args(&outset.order);
        command.stdout = Some(stderr.try_clone().map_err(io_error("make a pipe"))?);
        command.stderr = Some(stderr);
        command.fds = vec![(qmp_end, plan.qemu.qmp_fd), (port_end, plan.qemu.port_fd)];
        if let Some((medium, drive)) = outset.medium.as_ref().zip(plan.cd.as_ref()) {
            let descriptor = medium
                .descriptor()
                .map_err(io_error("open the medium in its CD drive"))?;
            command.fds.push((descriptor, drive.fd));
            more.extend(plan::medium_args(drive.fd));
        }
        command.args = plan.qemu.args.iter().chain(&more).map(Into::into).collect();
        let (serial, serial_end) = socket_pair().map_err(io_error("make a socket"))?;
        command.fds.push((serial_end, plan.qemu.serial_fd));
        let attached = console.attach(serial).await;
        attached.map_err(|source| NodeError::Console {
            node: plan.name.clone(),
            source,
        })?;
        let (nics, own_taps) = (plan.clone(), taps.to_vec());
        let network = blocking::run(move || network_descriptors(&nics.nics, &own_taps)).await;
        command.fds.extend(network.map_err(io_error("hand over its taps"))?);
        if let Some(user) = &plan.qemu.user {
            let (files, owner) = (plan.clone(), user.clone());
            let given = blocking::run(move || owner::give(&files, &owner)).await;
            given.map_err(io_error(&format!("give its files to the user `{}`", user.name)))?;
            command.identity = Some(Identity {
                uid: user.uid,
                gid: user.gid,
                groups: user.groups.clone(),
            });
        }
        let mut shares = vec![];
        for volume in &plan.volumes {
            if let Some((share, fd)) = Share::start(&plan.name, volume, &env.keeper, env.debug).await? {
                shares.push(share);
                command.fds.push(fd);
            }
        }
        let tpm = match &plan.tpm {
            Some(tpm) => {
                let (tpm, fd) = TpmEmulator::start(&plan.name, tpm, &env.keeper, outset.clear_tpm, env.debug).await?;
                command.fds.push(fd);
                Some(tpm)
            }
            None => None,
        };
        let process = match env.keeper.spawn(command).await {
            Ok(process) => process,
            Err(source) => {
                if let Some(tpm) = tpm {
                    tpm.finish().await;
                }
                return Err(NodeError::Qemu {
                    node: plan.name.clone(),
                    source,
                });
            }
        };
        let mut losses = JoinSet::new();
        for share in &shares {
            losses.spawn(after_qemu(share.lost()));
        }
        if let Some(tpm) = &tpm {
            losses.spawn(after_qemu(tpm.lost()));
        }
        tokio::spawn(port::listen(port, plan.clone(), env.store.clone()));
        Ok(Self {
            process,
            tpm,
            shares,
            losses,
            output,
            monitor: Monitor::Fresh(qmp),
            shutdown: None,
            user: plan.qemu.user.as_ref().map(|user| user.name.clone()),
            order: outset.order,
        })
    }

    /// As the host sees it.
    pub(super) fn pid(&self) -> u32 {
        self.process.pid
    }

    /// Its monitor, once it has answered.
    pub(super) fn monitor(&self) -> Option<Qmp> {
        match &self.monitor {
            Monitor::Connected(qmp, _) => Some(qmp.clone()),
            Monitor::Fresh(_) | Monitor::Failed => None,
        }
    }

    /// Waits until QEMU's machine is complete and runs: QEMU answers its monitor only then. `Some` if it ended before.
    /// When this is cancelled the machine can only be ended.
    pub(super) async fn connect(&mut self) -> Result<Option<Exit>, QmpError> {
        let Monitor::Fresh(stream) = std::mem::replace(&mut self.monitor, Monitor::Failed) else {
            return Ok(None);
        };
        tokio::select! {
            biased;
            exit = self.process.wait() => return Ok(Some(exit)),
            connected = Qmp::connect(stream) => match connected {
                Ok((qmp, events)) => self.monitor = Monitor::Connected(qmp, events),
                // That is how its end shows first.
                Err(QmpError::Closed | QmpError::Io(_)) => {}
                Err(error) => return Err(error),
            },
        }
        match self.monitor {
            Monitor::Connected(..) => Ok(None),
            _ => Ok(Some(self.process.wait().await)),
        }
    }

    /// Waits for what happens next. Cancel safe.
    pub(super) async fn news(&mut self) -> News {
        let Monitor::Connected(_, events) = &mut self.monitor else {
            return News::Ended(self.process.wait().await);
        };
        tokio::select! {
            Some(event) = events.recv() => {
                self.note(&event);
                News::Event(event)
            }
            // Those of a QEMU that is about to end do, too.
            Some(Ok(loss)) = self.losses.join_next(), if self.shutdown.is_none() => News::Lost(loss),
            exit = self.process.wait() => News::Ended(exit),
        }
    }

    fn note(&mut self, event: &Event) {
        if event.name == "SHUTDOWN" {
            self.shutdown = Some(event.clone());
        }
    }

    /// Executes a command without arguments on QEMU's monitor.
    pub(super) async fn execute(&self, node: &str, command: &'static str) -> Result<(), NodeError> {
        let command_of = async |qmp: Qmp| qmp.execute(command, None).await.map(drop);
        self.converse(node, command, command_of).await
    }

    /// Resets the machine, and has it run: one that QEMU stopped, as it does when the host's disk is full, stays stopped
    /// over a reset.
    pub(super) async fn reset(&self, node: &str) -> Result<(), NodeError> {
        self.execute(node, "system_reset").await?;
        self.execute(node, "cont").await
    }

    /// Puts a medium into the CD drive, which must be empty; `None` takes out what is there.
    pub(super) async fn change_medium(&self, node: &str, medium: Option<&Medium>) -> Result<(), NodeError> {
        let Some(medium) = medium else {
            return self
                .converse(node, "blockdev-remove-medium", async |qmp| medium::eject(&qmp).await)
                .await;
        };
        let descriptor = medium.descriptor().map_err(|source| NodeError::Io {
            node: node.to_owned(),
            what: "open the medium for its CD drive".into(),
            source,
        })?;
        let insert = async |qmp: Qmp| medium::insert(&qmp, descriptor).await;
        self.converse(node, "blockdev-insert-medium", insert).await
    }

    /// Has the firmware try devices in that order from the next reset on.
    pub(super) async fn set_order(&mut self, plan: &Node, order: Vec<String>) -> Result<(), NodeError> {
        if self.order == order {
            return Ok(());
        }
        let all = plan.boot_order(Some(BootSource::Disk), true, true);
        let set = async |qmp: Qmp| medium::set_order(&qmp, &all, &order).await;
        self.converse(&plan.name, "qom-set", set).await?;
        self.order = order;
        Ok(())
    }

    /// Talks with QEMU's monitor for a limited time; `command` names what is asked in an error.
    async fn converse(
        &self,
        node: &str,
        command: &'static str,
        talk: impl AsyncFnOnce(Qmp) -> Result<(), QmpError>,
    ) -> Result<(), NodeError> {
        let Some(qmp) = self.monitor() else {
            let (node, source) = (node.to_owned(), QmpError::Closed);
            return Err(NodeError::Qmp { node, source });
        };
        within(COMMAND_LIMIT, node, command, talk(qmp)).await
    }

    /// Ends QEMU: it may close its disks if it does so within a short time.
    pub(super) async fn quit(&mut self) -> Exit {
        if let Monitor::Connected(qmp, _) = &self.monitor {
            let quit = async {
                // QEMU may be gone before its answer is read.
                drop(qmp.execute("quit", None).await);
                self.process.wait().await
            };
            if let Ok(exit) = timeout(QUIT_LIMIT, quit).await {
                return exit;
            }
        }
        self.process.signal(Signal::SIGKILL);
        self.process.wait().await
    }

    /// Clears up after QEMU has ended, and tells why it did.
    pub(super) async fn finish(mut self, exit: Exit) -> Ending {
        if let Monitor::Connected(_, events) = &mut self.monitor {
            let limit = Instant::now() + LAST_EVENTS_LIMIT;
            let mut shutdown = None;
            while let Ok(Some(event)) = timeout_at(limit, events.recv()).await {
                if event.name == "SHUTDOWN" {
                    shutdown = Some(event);
                }
            }
            self.shutdown = shutdown.or(self.shutdown);
        }
        let (level, mut reason) = telling::reason(self.shutdown.as_ref(), exit);
        let mut words = self.output.finish().await;
        // Of a QEMU that was killed, they only tell that it is gone.
        let gave_up = matches!(exit, Exit::Code(_));
        if let Some(tpm) = self.tpm {
            let of_tpm = tpm.finish().await;
            if gave_up && !of_tpm.is_empty() {
                words = format!("{words}\nswtpm: {of_tpm}");
            }
        }
        for of_share in join_all(self.shares.into_iter().map(Share::finish)).await {
            if gave_up && !of_share.is_empty() {
                words = format!("{words}\n{of_share}");
            }
        }
        if level != Level::Info && !words.is_empty() {
            reason = format!("{reason}: {}", words.trim());
        }
        if let Some(user) = self.user.filter(|_| words.contains(NOT_ALLOWED)) {
            reason = format!(
                "{reason} (QEMU runs as the user `{user}`, who must be allowed to use that file and to enter its directories)"
            );
        }
        Ending { level, reason }
    }
}

/// The news of a loss, unless QEMU's end, which explains it, comes first.
async fn after_qemu(loss: impl Future<Output = String>) -> String {
    let loss = loss.await;
    sleep(QEMU_NEWS).await;
    loss
}

/// Sends a break on the serial line of the node behind a monitor.
pub(super) async fn send_break(node: &str, qmp: &Qmp) -> Result<(), NodeError> {
    const COMMAND: &str = "chardev-send-break";
    // The UART that QEMU emulates knows that there was a break, not between which of the characters that the guest has yet
    // to read. So those typed before are given the time that a break takes on a line.
    sleep(BREAK).await;
    let line = json!({ "id": plan::SERIAL_ID });
    within(COMMAND_LIMIT, node, COMMAND, async {
        qmp.execute(COMMAND, Some(line)).await.map(drop)
    })
    .await
}

/// Talks to a QEMU that may have hung.
pub(super) async fn within(
    limit: Duration,
    node: &str,
    command: &'static str,
    talk: impl Future<Output = Result<(), QmpError>>,
) -> Result<(), NodeError> {
    let node = node.to_owned();
    match timeout(limit, talk).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(source)) => Err(NodeError::Qmp { node, source }),
        Err(_) => Err(NodeError::Silent {
            node,
            command,
            seconds: limit.as_secs(),
        }),
    }
}

/// The descriptors of a node's NICs with their numbers in QEMU. Blocks: a queue is attached under the kernel's network lock.
fn network_descriptors(nics: &[plan::Nic], taps: &[Arc<Tap>]) -> io::Result<Vec<(OwnedFd, i32)>> {
    if nics.len() != taps.len() {
        let why = format!("it has {} NICs and {} taps", nics.len(), taps.len());
        return Err(io::Error::other(why));
    }
    let mut descriptors = Vec::new();
    for (nic, tap) in nics.iter().zip(taps) {
        let queues = tap.queues()?;
        if queues.len() != nic.fds.len() {
            let why = format!("{} has {} queues instead of {}", nic.tap, queues.len(), nic.fds.len());
            return Err(io::Error::other(why));
        }
        descriptors.extend(queues.into_iter().zip(nic.fds.iter().copied()));
        for fd in &nic.vhost_fds {
            let vhost = File::options().read(true).write(true).open("/dev/vhost-net");
            let vhost =
                vhost.map_err(|error| io::Error::new(error.kind(), format!("cannot open /dev/vhost-net: {error}")))?;
            descriptors.push((vhost.into(), *fd));
        }
    }
    Ok(descriptors)
}

/// Plugs a node's cables in or out, off the runtime: the kernel may keep us waiting for its network lock.
pub(super) async fn set_carrier(taps: &[Arc<Tap>], up: bool) -> io::Result<()> {
    if taps.is_empty() {
        return Ok(());
    }
    let taps = taps.to_vec();
    blocking::run(move || taps.iter().try_for_each(|tap| tap.set_carrier(up))).await
}

/// Our end and QEMU's.
fn socket_pair() -> io::Result<(UnixStream, OwnedFd)> {
    let (ours, theirs) = StdStream::pair()?;
    ours.set_nonblocking(true)?;
    Ok((UnixStream::from_std(ours)?, theirs.into()))
}
