//! The one task that owns a node's power.
//!
//! `Off → PoweringOn → On → PoweringOff → Off`, and `On → Off` when QEMU ends by itself. Nobody else starts or ends its
//! QEMU.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::{
    Action, NodeEnv, NodeError, PowerState,
    handle::Request,
    machine::{Machine, News, set_carrier},
    qmp::{Event, Qmp, QmpError},
    shutdown::{Shutdown, Verdict},
    telling::{self, Teller},
};
use crate::{
    console::Console,
    fabric::Tap,
    keeper::Exit,
    plan::{self, BootSource},
    store::{Level, NodeState},
};

/// The kind of the events told here.
const KIND: &str = "power";
/// QEMU's command for the ACPI power button.
const POWER_BUTTON: &str = "system_powerdown";

pub(super) struct Actor {
    plan: Arc<plan::Node>,
    /// What it is to be from the next power-on.
    next_plan: watch::Receiver<Arc<plan::Node>>,
    taps: Vec<Arc<Tap>>,
    env: NodeEnv,
    console: Console,
    requests: mpsc::Receiver<Request>,
    /// The monitor of the machine that is on, for whoever only looks.
    monitor: watch::Sender<Option<Qmp>>,
    /// Requests that came while the node was being powered on and have to wait for that.
    deferred: VecDeque<Request>,
    closing: CancellationToken,
}

type Reply = oneshot::Sender<Result<(), NodeError>>;

impl Actor {
    pub(super) fn new(
        next_plan: watch::Receiver<Arc<plan::Node>>,
        taps: Vec<Arc<Tap>>,
        env: NodeEnv,
        console: Console,
        requests: mpsc::Receiver<Request>,
        monitor: watch::Sender<Option<Qmp>>,
        closing: CancellationToken,
    ) -> Self {
        let plan = next_plan.borrow().clone();
        Self {
            plan,
            next_plan,
            taps,
            env,
            console,
            requests,
            monitor,
            deferred: VecDeque::new(),
            closing,
        }
    }

    /// Serves requests until the node is closed or its last handle is gone.
    pub(super) async fn run(mut self) {
        while let Some(Request { action, boot, reply }) = self.request().await {
            let what = match action {
                Action::Stop => {
                    answer(reply, Ok(()));
                    continue;
                }
                Action::Start | Action::Restart | Action::Cycle => {
                    match self.power_on(boot).await {
                        Ok(machine) => {
                            answer(reply, Ok(()));
                            self.stay_on(machine).await;
                        }
                        Err(error) => answer(reply, Err(error)),
                    }
                    continue;
                }
                Action::Shutdown(_) => "shut down",
                Action::Reset => "reset",
                Action::Nmi => "interrupt",
                Action::Push => "push",
            };
            let node = self.plan.name.clone();
            answer(reply, Err(NodeError::Off { node, what }));
        }
        self.console.close().await;
    }

    /// The next request; `None` when the node is to be closed. Cancel safe.
    async fn request(&mut self) -> Option<Request> {
        if self.closing.is_cancelled() {
            return None;
        }
        if let Some(request) = self.deferred.pop_front() {
            return Some(request);
        }
        tokio::select! {
            () = self.closing.cancelled() => None,
            request = self.requests.recv() => request,
        }
    }

    async fn power_on(&mut self, boot: Option<BootSource>) -> Result<Machine, NodeError> {
        self.plan = self.next_plan.borrow().clone();
        let from = boot
            .map(|first| format!(", to boot from {first} first"))
            .unwrap_or_default();
        self.tell(Level::Info, &format!("Powering on{from}."), |node| {
            node.power_status = PowerState::PoweringOn;
            node.power_reason = None;
            node.ready.pause("it is being powered on".into());
        });
        let result = self.start(boot).await;
        match &result {
            Ok(machine) => {
                let pid = machine.pid();
                self.monitor.send_replace(machine.monitor());
                self.tell(Level::Info, "The node is on.", |node| {
                    node.power_status = PowerState::On;
                    node.pid = Some(pid);
                    node.started_at = Some(Timestamp::now());
                    node.ready.begin();
                });
            }
            Err(NodeError::Interrupted { .. }) => self.off(Level::Info, "it was stopped before it was on").await,
            Err(error) => self.off(Level::Error, &error.to_string()).await,
        }
        result
    }

    async fn start(&mut self, boot: Option<BootSource>) -> Result<Machine, NodeError> {
        let node = self.plan.name.clone();
        let mut machine = Machine::spawn(&self.plan, boot, &self.taps, &self.env, &self.console).await?;
        if let Err(source) = set_carrier(&self.taps, true).await {
            machine.quit().await;
            let what = "plug in its taps".into();
            return Err(NodeError::Io { node, what, source });
        }
        let source = match self.connect(&mut machine).await {
            Some(Ok(None)) => return Ok(machine),
            Some(Ok(Some(exit))) => {
                let reason = machine.finish(exit).await.reason;
                return Err(NodeError::Ended { node, reason });
            }
            Some(Err(source)) => Some(source),
            None => None,
        };
        let exit = machine.quit().await;
        machine.finish(exit).await;
        Err(match source {
            Some(source) => NodeError::Qmp { node, source },
            None => NodeError::Interrupted { node },
        })
    }

    /// Waits until the machine runs or has ended; `None` if it is to be stopped before.
    async fn connect(&mut self, machine: &mut Machine) -> Option<Result<Option<Exit>, QmpError>> {
        let connect = machine.connect();
        tokio::pin!(connect);
        loop {
            tokio::select! {
                connected = &mut connect => return Some(connected),
                () = self.closing.cancelled() => return None,
                Some(request) = self.requests.recv() => {
                    if request.action != Action::Stop {
                        self.deferred.push_back(request);
                        continue;
                    }
                    // It stops what was asked for before it, too.
                    for earlier in self.deferred.drain(..) {
                        let node = self.plan.name.clone();
                        answer(earlier.reply, Err(NodeError::Interrupted { node }));
                    }
                    self.deferred.push_back(request);
                    return None;
                }
            }
        }
    }

    /// Serves requests while QEMU runs.
    async fn stay_on(&mut self, mut machine: Machine) {
        let mut teller = Teller::default();
        let mut shutdown = Shutdown::default();
        loop {
            tokio::select! {
                news = machine.news() => match news {
                    News::Event(event) => self.happened(&event, &mut teller),
                    News::Ended(exit) => {
                        self.ended(machine, exit).await;
                        return shutdown.answer(|| Ok(()));
                    }
                },
                now = shutdown.overdue() => {
                    match shutdown.verdict(now) {
                        Verdict::Wait => {}
                        Verdict::GiveUp(limit) => self.still_on(limit),
                        Verdict::Force(limit) => {
                            let seconds = limit.as_secs_f64();
                            let reason = format!("it did not shut down within {seconds} seconds and was powered off");
                            self.power_off(machine, &reason).await;
                            return shutdown.answer(|| Ok(()));
                        }
                    }
                    shutdown.dismiss_overdue(now, &self.plan.name);
                }
                request = self.request() => {
                    let Some(Request { action, boot, reply }) = request else {
                        return self.power_off(machine, "the lab is going down").await;
                    };
                    if matches!(action, Action::Stop | Action::Cycle) {
                        self.power_off(machine, "it was powered off").await;
                        shutdown.answer(|| Ok(()));
                        if action == Action::Stop {
                            return answer(reply, Ok(()));
                        }
                        // On again comes before whatever else was asked for.
                        let action = Action::Start;
                        return self.deferred.push_front(Request { action, boot, reply });
                    }
                    self.act(&machine, &mut shutdown, action, reply).await;
                }
            }
        }
    }

    /// Does what leaves QEMU running.
    async fn act(&self, machine: &Machine, shutdown: &mut Shutdown, action: Action, reply: Reply) {
        let node = &self.plan.name;
        let result = match action {
            Action::Start if shutdown.is_under_way() => Err(NodeError::ShuttingDown { node: node.clone() }),
            // What ends QEMU is not asked for here.
            Action::Start | Action::Stop | Action::Cycle => Ok(()),
            Action::Restart | Action::Reset => {
                let reset = machine.execute(node, "system_reset").await;
                if reset.is_ok() && shutdown.is_under_way() {
                    self.update(|node| node.power_status = PowerState::On);
                    shutdown.answer(|| Err(NodeError::ResetMeanwhile { node: node.clone() }));
                }
                reset
            }
            Action::Nmi => machine.execute(node, "inject-nmi").await,
            Action::Push => machine.execute(node, POWER_BUTTON).await,
            Action::Shutdown(grace) => match machine.execute(node, POWER_BUTTON).await {
                Ok(()) => {
                    if !shutdown.is_under_way() {
                        self.tell(Level::Info, "Shutting down.", |node| {
                            node.power_status = PowerState::PoweringOff;
                        });
                    }
                    return shutdown.join(grace, reply);
                }
                refused => refused,
            },
        };
        answer(reply, result);
    }

    /// The guest was given its time to shut down.
    fn still_on(&self, limit: Duration) {
        let reason = format!("it did not shut down within {} seconds", limit.as_secs_f64());
        self.tell(Level::Warn, &format!("The node is still on: {reason}."), |node| {
            node.power_status = PowerState::On;
            node.power_reason = Some(reason.clone());
        });
    }

    /// Something happened to the machine.
    fn happened(&self, event: &Event, teller: &mut Teller) {
        let reason = match event.name.as_str() {
            telling::PANICKED => Some(telling::PANIC_REASON),
            telling::RESET => {
                if self.plan.ready.is_some() {
                    self.console.begin_run();
                    self.update(|node| node.ready.begin());
                }
                None
            }
            _ => return self.tell_of(event, teller),
        };
        // A guest can do either as often as it likes: only what changes is written.
        let known = self.env.store.read(|state| {
            let node = state.nodes.iter().find(|node| node.name == self.plan.name);
            node.is_none_or(|node| node.power_reason.as_deref() == reason)
        });
        if !known {
            self.update(|node| node.power_reason = reason.map(str::to_owned));
        }
        self.tell_of(event, teller);
    }

    fn tell_of(&self, event: &Event, teller: &mut Teller) {
        if let Some((level, message)) = teller.tell(event, Instant::now()) {
            self.env.store.event(level, &self.plan.id, KIND, &message);
        }
    }

    async fn power_off(&mut self, mut machine: Machine, reason: &str) {
        self.tell(Level::Info, "Powering off.", |node| {
            node.power_status = PowerState::PoweringOff;
        });
        let exit = machine.quit().await;
        machine.finish(exit).await;
        self.off(Level::Info, reason).await;
    }

    async fn ended(&mut self, machine: Machine, exit: Exit) {
        let ending = machine.finish(exit).await;
        self.off(ending.level, &ending.reason).await;
    }

    /// QEMU is gone.
    async fn off(&mut self, level: Level, reason: &str) {
        self.monitor.send_replace(None);
        self.tell(level, &format!("The node is off: {reason}."), |node| {
            node.power_status = PowerState::Off;
            node.power_reason = Some(reason.into());
            node.pid = None;
            node.started_at = None;
            node.ready.fail(format!("it is off: {reason}"));
        });
        // Afterwards: on a busy host the kernel's network lock may take a while to come by.
        if let Err(error) = set_carrier(&self.taps, false).await {
            let message = format!("The cables could not be unplugged: {error}.");
            self.env.store.event(Level::Warn, &self.plan.id, KIND, &message);
        }
    }

    fn update(&self, change: impl FnOnce(&mut NodeState)) {
        self.env.store.update(|state| {
            if let Some(node) = state.node_mut(&self.plan.name) {
                change(node);
            }
        });
    }

    fn tell(&self, level: Level, message: &str, change: impl FnOnce(&mut NodeState)) {
        self.env.store.record(level, &self.plan.id, KIND, message, |state| {
            if let Some(node) = state.node_mut(&self.plan.name) {
                change(node);
            }
        });
    }
}

/// That whoever asked has gone is no matter.
fn answer(reply: Reply, result: Result<(), NodeError>) {
    drop(reply.send(result));
}
