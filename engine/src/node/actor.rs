//! The one task that owns a node's power.
//!
//! `Off → PoweringOn → On → PoweringOff → Off`, and `On → Off` when QEMU ends by itself. Nobody else starts or ends its
//! QEMU.

use std::{collections::VecDeque, sync::Arc, time::Instant};

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::{
    Action, NodeEnv, NodeError, PowerState,
    handle::Request,
    machine::{Machine, News, set_carrier},
    qmp::QmpError,
    telling::Teller,
};
use crate::{
    console::Console,
    fabric::Tap,
    keeper::Exit,
    plan,
    store::{Level, NodeState},
};

/// The kind of the events told here.
const KIND: &str = "power";

pub(super) struct Actor {
    plan: Arc<plan::Node>,
    /// What it is to be from the next power-on.
    next_plan: watch::Receiver<Arc<plan::Node>>,
    taps: Vec<Arc<Tap>>,
    env: NodeEnv,
    console: Console,
    requests: mpsc::Receiver<Request>,
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
            deferred: VecDeque::new(),
            closing,
        }
    }

    /// Serves requests until the node is closed or its last handle is gone.
    pub(super) async fn run(mut self) {
        while let Some(Request { action, reply }) = self.request().await {
            match action {
                Action::Stop => answer(reply, Ok(())),
                Action::Start | Action::Restart => match self.power_on().await {
                    Ok(machine) => {
                        answer(reply, Ok(()));
                        self.stay_on(machine).await;
                    }
                    Err(error) => answer(reply, Err(error)),
                },
            }
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

    async fn power_on(&mut self) -> Result<Machine, NodeError> {
        self.plan = self.next_plan.borrow().clone();
        self.tell(Level::Info, "Powering on.", |node| {
            node.power_status = PowerState::PoweringOn;
            node.power_reason = None;
        });
        let result = self.start().await;
        match &result {
            Ok(machine) => {
                let pid = machine.pid();
                self.tell(Level::Info, "The node is on.", |node| {
                    node.power_status = PowerState::On;
                    node.pid = Some(pid);
                    node.started_at = Some(Timestamp::now());
                });
            }
            Err(NodeError::Interrupted { .. }) => self.off(Level::Info, "it was stopped before it was on").await,
            Err(error) => self.off(Level::Error, &error.to_string()).await,
        }
        result
    }

    async fn start(&mut self) -> Result<Machine, NodeError> {
        let node = self.plan.name.clone();
        let mut machine = Machine::spawn(&self.plan, &self.taps, &self.env, &self.console).await?;
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
        loop {
            tokio::select! {
                news = machine.news() => match news {
                    News::Event(event) => {
                        if let Some((level, message)) = teller.tell(&event, Instant::now()) {
                            self.env.store.event(level, &self.plan.id, KIND, &message);
                        }
                    }
                    News::Ended(exit) => return self.ended(machine, exit).await,
                },
                request = self.request() => match request {
                    Some(Request { action: Action::Start, reply }) => answer(reply, Ok(())),
                    Some(Request { action: Action::Restart, reply }) => {
                        answer(reply, machine.reset(&self.plan.name).await);
                    }
                    Some(Request { action: Action::Stop, reply }) => {
                        self.power_off(machine, "it was powered off").await;
                        return answer(reply, Ok(()));
                    }
                    None => return self.power_off(machine, "the lab is going down").await,
                },
            }
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
        self.tell(level, &format!("The node is off: {reason}."), |node| {
            node.power_status = PowerState::Off;
            node.power_reason = Some(reason.into());
            node.pid = None;
            node.started_at = None;
        });
        // Afterwards: on a busy host the kernel's network lock may take a while to come by.
        if let Err(error) = set_carrier(&self.taps, false).await {
            let message = format!("The cables could not be unplugged: {error}.");
            self.env.store.event(Level::Warn, &self.plan.id, KIND, &message);
        }
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
