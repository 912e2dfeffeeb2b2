//! The one task that owns a node's power.
//!
//! `Off → PoweringOn → On → PoweringOff → Off`, and `On → Off` when QEMU ends by itself. Nobody else starts or ends its
//! QEMU.

mod boot;
mod events;

use std::{collections::VecDeque, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::{
    sync::{mpsc, oneshot, watch},
    time,
};
use tokio_util::sync::CancellationToken;

use super::{
    Action, Medium, NodeEnv, NodeError, PowerState,
    boots::{Boots, NextBoot, SETTLING},
    handle::{Request, Wish},
    machine::{Machine, News, Outset, set_carrier},
    qmp::{Qmp, QmpError},
    restore::Restore,
    shutdown::{Shutdown, Verdict},
    telling::Teller,
};
use crate::{
    blocking,
    console::Console,
    fabric::Tap,
    keeper::Exit,
    plan::{self, BootSource},
    store::{BootCause, Level, NodeState},
};

/// The kind of the events told here.
const KIND: &str = "power";
/// QEMU's command for the ACPI power button.
const POWER_BUTTON: &str = "system_powerdown";

pub(super) struct Actor {
    plan: Arc<plan::Node>,
    shared: Shared,
    taps: Vec<Arc<Tap>>,
    env: NodeEnv,
    console: Console,
    requests: mpsc::Receiver<Request>,
    boots: Boots,
    /// What was wanted when the firmware was last told from what to boot.
    arranged: NextBoot,
    /// The firmware was told an order, now or before.
    told: bool,
    /// What is in the CD drive, whether or not there is a machine.
    medium: Option<Medium>,
    /// Requests that came while the node was being powered on and have to wait for that.
    deferred: VecDeque<Request>,
}

/// What an actor has in common with the node's handles.
pub(super) struct Shared {
    /// What becomes of it when its lab comes up again.
    pub restore: Arc<Restore>,
    /// What it is to be from the next power-on.
    pub next_plan: watch::Receiver<Arc<plan::Node>>,
    /// What is wanted of the next boots.
    pub next_boot: watch::Sender<NextBoot>,
    /// The monitor of the machine that is on, for whoever only looks.
    pub monitor: watch::Sender<Option<Qmp>>,
    /// Cancelled when the node is to be closed.
    pub closing: CancellationToken,
}

type Reply = oneshot::Sender<Result<(), NodeError>>;

impl Actor {
    pub(super) fn new(
        shared: Shared,
        taps: Vec<Arc<Tap>>,
        env: NodeEnv,
        console: Console,
        requests: mpsc::Receiver<Request>,
    ) -> Self {
        let plan = shared.next_plan.borrow().clone();
        Self {
            plan,
            shared,
            taps,
            env,
            console,
            requests,
            boots: Boots::default(),
            arranged: NextBoot::default(),
            told: false,
            medium: None,
            deferred: VecDeque::new(),
        }
    }

    /// Serves requests until the node is closed or its last handle is gone.
    pub(super) async fn run(mut self) {
        while let Some(Request { wish, reply }) = self.request().await {
            let (action, boot) = match wish {
                Wish::Power(action, boot) => (action, boot),
                Wish::Medium(medium) => {
                    answer(reply, self.change_medium(None, medium).await);
                    continue;
                }
            };
            let what = match action {
                Action::Stop => {
                    answer(reply, Ok(()));
                    continue;
                }
                Action::Start | Action::Restart | Action::Cycle | Action::Push => {
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
            };
            let node = self.plan.name.clone();
            answer(reply, Err(NodeError::Off { node, what }));
        }
        self.console.close().await;
    }

    /// The next request; `None` when the node is to be closed. Cancel safe.
    async fn request(&mut self) -> Option<Request> {
        if self.shared.closing.is_cancelled() {
            return None;
        }
        if let Some(request) = self.deferred.pop_front() {
            return Some(request);
        }
        tokio::select! {
            () = self.shared.closing.cancelled() => None,
            request = self.requests.recv() => request,
        }
    }

    async fn power_on(&mut self, boot: Option<BootSource>) -> Result<Machine, NodeError> {
        self.plan = self.shared.next_plan.borrow().clone();
        let next = self.shared.next_boot.borrow().clone();
        let wish = next.wish().filter(|_| boot.is_none());
        let boot = boot.or(next.source());
        let from = boot
            .map(|first| format!(", to boot from {first} first"))
            .unwrap_or_default();
        self.tell(Level::Info, &format!("Powering on{from}."), |node| {
            node.power_status = PowerState::PoweringOn;
            node.power_reason = None;
            node.failed = false;
            node.ready.pause("it is being powered on".into());
        });
        self.tell_firmware(wish).await;
        let outset = Outset {
            order: self.order(boot),
            medium: self.medium.clone(),
            clear_tpm: next.clear_tpm,
        };
        let result = self.start(outset).await;
        match &result {
            Ok(machine) => {
                let pid = machine.pid();
                self.shared.monitor.send_replace(machine.monitor());
                self.arranged = next;
                let boots = self.count(BootCause::PowerOn);
                self.note_power(true).await;
                self.tell(Level::Info, "The node is on.", |node| {
                    (node.boots, node.last_boot) = (boots.unwrap_or(node.boots), Some(BootCause::PowerOn));
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

    async fn start(&mut self, outset: Outset) -> Result<Machine, NodeError> {
        let node = self.plan.name.clone();
        let mut machine = Machine::spawn(&self.plan, outset, &self.taps, &self.env, &self.console).await?;
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
                () = self.shared.closing.cancelled() => return None,
                Some(request) = self.requests.recv() => {
                    if !matches!(request.wish, Wish::Power(Action::Stop, _)) {
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
        let mut wanted = self.shared.next_boot.subscribe();
        // Once the firmware has taken note of an order, the one for the boot after that can be told.
        let mut settled = Some(time::Instant::now() + SETTLING);
        loop {
            let settling = time::sleep_until(settled.unwrap_or_else(time::Instant::now));
            tokio::select! {
                news = machine.news() => match news {
                    News::Event(event) => if self.happened(&event, &mut teller) {
                        settled = Some(time::Instant::now() + SETTLING);
                    },
                    News::Lost(loss) => self.tell(Level::Error, &format!("The node has lost {loss}."), |node| {
                        node.power_reason = Some(loss.clone());
                    }),
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
                () = settling, if settled.is_some() => {
                    settled = None;
                    self.arrange(&mut machine).await;
                }
                // It does not end: the actor has the sender.
                Ok(()) = wanted.changed(), if settled.is_none() => self.arrange(&mut machine).await,
                request = self.request() => {
                    let Some(Request { wish, reply }) = request else {
                        return self.power_off(machine, "the lab is going down").await;
                    };
                    let (action, boot) = match wish {
                        Wish::Power(action, boot) => (action, boot),
                        Wish::Medium(medium) => {
                            let changed = self.change_medium(Some(&mut machine), medium).await;
                            answer(reply, changed);
                            continue;
                        }
                    };
                    // A reset does not reach what holds from a power-on.
                    let resets = matches!(action, Action::Reset | Action::Restart);
                    let cycles = resets && self.shared.next_boot.borrow().takes_power_on();
                    let action = if cycles { Action::Cycle } else { action };
                    if matches!(action, Action::Stop | Action::Cycle) {
                        self.power_off(machine, "it was powered off").await;
                        shutdown.answer(|| Ok(()));
                        if action == Action::Stop {
                            return answer(reply, Ok(()));
                        }
                        // On again comes before whatever else was asked for.
                        let wish = Wish::Power(Action::Start, boot);
                        return self.deferred.push_front(Request { wish, reply });
                    }
                    self.act(&mut machine, &mut shutdown, action, reply).await;
                }
            }
        }
    }

    /// Does what leaves QEMU running.
    async fn act(&mut self, machine: &mut Machine, shutdown: &mut Shutdown, action: Action, reply: Reply) {
        let node = &self.plan.name.clone();
        let result = match action {
            Action::Start if shutdown.is_under_way() => Err(NodeError::ShuttingDown { node: node.clone() }),
            // What ends QEMU is not asked for here.
            Action::Start | Action::Stop | Action::Cycle => Ok(()),
            Action::Restart | Action::Reset => {
                self.arrange(machine).await;
                let reset = machine.reset(node).await;
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

    async fn power_off(&mut self, mut machine: Machine, reason: &str) {
        self.tell(Level::Info, "Powering off.", |node| {
            node.power_status = PowerState::PoweringOff;
        });
        let exit = machine.quit().await;
        machine.finish(exit).await;
        if !self.shared.closing.is_cancelled() {
            self.note_power(false).await;
        }
        self.off(Level::Info, reason).await;
    }

    async fn ended(&mut self, machine: Machine, exit: Exit) {
        let ending = machine.finish(exit).await;
        // What nobody in the lab wanted is like a failure of the mains.
        if ending.level == Level::Info {
            self.note_power(false).await;
        }
        self.off(ending.level, &ending.reason).await;
    }

    /// Takes note of its power, for when the lab comes up again.
    async fn note_power(&self, on: bool) {
        let restore = self.shared.restore.clone();
        if let Err(error) = blocking::run(move || restore.note(on)).await {
            let message = format!("Whether it is on could not be kept for the lab's next start: {error}.");
            self.env.store.event(Level::Warn, &self.plan.id, KIND, &message);
        }
    }

    /// QEMU is gone.
    async fn off(&mut self, level: Level, reason: &str) {
        self.shared.monitor.send_replace(None);
        self.tell(level, &format!("The node is off: {reason}."), |node| {
            node.power_status = PowerState::Off;
            node.power_reason = Some(reason.into());
            node.failed = level > Level::Info;
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
