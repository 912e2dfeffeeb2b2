//! The handle through which the rest of the engine asks for a node's power.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::{
    Action, BootFrom, Medium, NodeError,
    actor::{Actor, Shared},
    boots::NextBoot,
    machine,
    qmp::Qmp,
    restore::Restore,
    screenshot,
};
use crate::{
    blocking,
    console::Console,
    fabric::Tap,
    keeper::Keeper,
    plan::{self, BootSource, RestorePolicy},
    store::Store,
};

/// Requests that wait while a node is busy.
const REQUEST_QUEUE: usize = 16;

/// What a node needs of the lab.
#[derive(Clone)]
pub struct NodeEnv {
    /// Where its state is written.
    pub store: Store,
    /// The parent of its processes.
    pub keeper: Keeper,
    /// Log what QEMU writes to its standard output and error.
    pub debug: bool,
}

/// A node: its power and its console. Cheap to clone; all clones are the same node.
#[derive(Clone)]
pub struct NodeHandle {
    name: String,
    next_plan: watch::Sender<Arc<plan::Node>>,
    next_boot: watch::Sender<NextBoot>,
    requests: mpsc::Sender<Request>,
    monitor: watch::Receiver<Option<Qmp>>,
    restore: Arc<Restore>,
    closing: CancellationToken,
    console: Console,
}

/// What is asked for, and who waits for its outcome.
pub(super) struct Request {
    pub wish: Wish,
    pub reply: oneshot::Sender<Result<(), NodeError>>,
}

/// What can be asked of a node.
pub(super) enum Wish {
    /// That, and what to boot from first if it starts QEMU.
    Power(Action, Option<BootSource>),
    /// That in its CD drive, or nothing.
    Medium(Option<Medium>),
}

impl NodeHandle {
    /// Makes a node that is off. Its console's socket is there when this returns. `taps` are those of its NICs in
    /// order; its volumes must be there before it is started. Needs a tokio runtime.
    pub fn new(plan: plan::Node, taps: Vec<Arc<Tap>>, env: NodeEnv) -> Result<Self, NodeError> {
        let plan = Arc::new(plan);
        let console = Console::open(&plan.id, &plan.console_socket, &plan.console_log, env.store.clone());
        let console = console.map_err(|source| NodeError::Console {
            node: plan.name.clone(),
            source,
        })?;
        let (requests, receiver) = mpsc::channel(REQUEST_QUEUE);
        let closing = CancellationToken::new();
        let (next_plan, planned) = watch::channel(plan.clone());
        let (monitor, monitor_receiver) = watch::channel(None);
        let next_boot = watch::Sender::default();
        let restore = Arc::new(Restore::new(&plan));
        let shared = Shared {
            restore: restore.clone(),
            next_plan: planned,
            next_boot: next_boot.clone(),
            monitor,
            closing: closing.clone(),
        };
        tokio::spawn(Actor::new(shared, taps, env, console.clone(), receiver).run());
        Ok(Self {
            name: plan.name.clone(),
            next_plan,
            next_boot,
            requests,
            monitor: monitor_receiver,
            restore,
            closing,
            console,
        })
    }

    /// Has it powered on as `plan` says from the next time on: its QEMU command may differ, nothing else.
    pub fn replan(&self, plan: plan::Node) {
        self.next_plan.send_replace(Arc::new(plan));
    }

    /// Its serial console.
    pub fn console(&self) -> &Console {
        &self.console
    }

    /// What its screen shows, as a PNG.
    pub async fn screenshot(&self) -> Result<Vec<u8>, NodeError> {
        let monitor = self.monitor.borrow().clone();
        let node = self.name.clone();
        let monitor = monitor.ok_or(NodeError::NoScreen { node })?;
        screenshot::take(&self.name, &monitor).await
    }

    /// Sends a break on its serial line, which a guest's kernel may take for the magic SysRq key. What is typed once this
    /// has returned comes after it.
    pub async fn send_break(&self) -> Result<(), NodeError> {
        let monitor = self.monitor.borrow().clone();
        let monitor = monitor.ok_or_else(|| NodeError::Off {
            node: self.name.clone(),
            what: "send a break to",
        })?;
        machine::send_break(&self.name, &monitor).await
    }

    /// Acts on its power, and returns when that is done: `Start` once the guest runs, `Stop` and `Shutdown` once QEMU is
    /// gone, the others once the machine has felt it. Starting a node that is on and stopping one that is off succeed and
    /// do nothing; a `Stop` interrupts a `Start` and a `Shutdown`.
    pub async fn act(&self, action: Action) -> Result<(), NodeError> {
        self.act_and_boot(action, None).await
    }

    /// As [`Self::act`]; if QEMU is started for it, that once it boots from `boot` first. A reset starts no QEMU.
    pub async fn act_and_boot(&self, action: Action, boot: Option<BootSource>) -> Result<(), NodeError> {
        self.ask(Wish::Power(action, boot)).await
    }

    /// Has it boot from there from its next power-on or reset on, whoever has it reset. What UEFI alone can do waits for a
    /// power-on; a reset that is asked for is one then.
    pub fn boot_from(&self, from: Option<BootFrom>) {
        self.next_boot.send_modify(|next| next.from = from);
    }

    /// Has its TPM begin anew at the next power-on, with nothing that it was ever given; or not.
    pub fn clear_tpm(&self, clear: bool) {
        self.next_boot.send_modify(|next| next.clear_tpm = clear);
    }

    /// What becomes of it when its lab comes up again.
    pub fn restore_policy(&self) -> RestorePolicy {
        self.restore.policy()
    }

    /// Decides that, and keeps it with its data. Blocks.
    pub fn set_restore_policy(&self, policy: RestorePolicy) -> Result<(), NodeError> {
        self.restore.set_policy(policy).map_err(|source| NodeError::Io {
            node: self.name.clone(),
            what: "keep what becomes of its power".into(),
            source,
        })
    }

    /// Has it begin with such a decision, which is kept a moment later.
    pub fn begin_with_policy(&self, policy: RestorePolicy) {
        self.restore.begin_with(policy);
        let (node, restore) = (self.name.clone(), self.restore.clone());
        tokio::spawn(async move {
            if let Err(error) = blocking::run(move || restore.keep()).await {
                tracing::warn!(
                    node,
                    "its power restore policy can't be kept for the lab's next start: {error}"
                );
            }
        });
    }

    /// Puts a medium into its CD drive, which must be empty, at once and until it is taken out.
    pub async fn insert(&self, medium: Medium) -> Result<(), NodeError> {
        self.ask(Wish::Medium(Some(medium))).await
    }

    /// Has it begin with a medium in its CD drive. For a node of which nothing was asked yet: it is the first request then,
    /// and there is room for it.
    pub fn begin_with(&self, medium: Medium) {
        let (reply, _nobody) = oneshot::channel();
        let wish = Wish::Medium(Some(medium));
        if self.requests.try_send(Request { wish, reply }).is_err() {
            tracing::warn!(node = self.name, "its CD drive stays empty: it is busy or closed");
        }
    }

    /// Takes out what is in its CD drive, if anything.
    pub async fn eject(&self) -> Result<(), NodeError> {
        self.ask(Wish::Medium(None)).await
    }

    async fn ask(&self, wish: Wish) -> Result<(), NodeError> {
        let closed = || NodeError::Closed {
            node: self.name.clone(),
        };
        let (reply, outcome) = oneshot::channel();
        let request = Request { wish, reply };
        self.requests.send(request).await.map_err(|_| closed())?;
        outcome.await.map_err(|_| closed())?
    }

    /// Powers off whatever it is doing and closes its console, for good.
    pub async fn close(&self) {
        self.closing.cancel();
        self.requests.closed().await;
    }
}
