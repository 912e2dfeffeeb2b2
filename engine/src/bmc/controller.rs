//! The controller: everything of a BMC that its faces share.

mod begun;
mod drive;

pub use begun::Begun;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use futures::FutureExt as _;
use jiff::Timestamp;
use tokio::{sync::watch, time::sleep};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Accounts, BootOverride, Cause, Chassis, Drive, Identify, Identity, Log, Machine, MachineError, Occurrence,
    Persistence, Power, Sessions, Share, User, Verb, Watchdog, Work,
};
use crate::{console::Console, node::PowerState, plan::RestorePolicy};

/// How long after a machine did what it was asked the news of a boot may come.
const NEWS: Duration = Duration::from_secs(2);

/// A virtual BMC.
pub struct Bmc {
    identity: Identity,
    machine: Arc<dyn Machine>,
    power: watch::Receiver<Power>,
    accounts: Accounts,
    sessions: Sessions,
    log: Log,
    watchdog: Watchdog,
    state: Mutex<State>,
    started_at: Timestamp,
    changes: watch::Sender<u64>,
    closing: CancellationToken,
    tasks: TaskTracker,
}

#[derive(Default)]
struct State {
    chassis: Chassis,
    boot: Option<BootOverride>,
    /// From which URL it boots, if it is told to boot from one.
    boot_url: Option<String>,
    /// How often the machine had booted when that was decided.
    boot_since: u64,
    /// The TPM is to begin anew at the next power-on.
    clear_tpm: bool,
    drive: Drive,
    /// Gives up what is on its way into the drive.
    loading: CancellationToken,
    /// Who asked for the next power-on or reset, and a number of that.
    asked: Option<(Cause, u64)>,
    last_asked: u64,
    /// How much that acts on the machine's power is under way.
    under_way: usize,
}

impl Bmc {
    /// A BMC that follows its machine until it is closed. Needs a tokio runtime.
    pub fn new(identity: Identity, users: &[User], machine: Arc<dyn Machine>) -> Arc<Self> {
        let changes = watch::Sender::new(0);
        let bmc = Arc::new(Self {
            identity,
            power: machine.power(),
            machine,
            accounts: Accounts::new(users, changes.clone()),
            sessions: Sessions::new(changes.clone()),
            log: Log::new(changes.clone()),
            watchdog: Watchdog::default(),
            state: Mutex::default(),
            started_at: Timestamp::now(),
            changes,
            closing: CancellationToken::new(),
            tasks: TaskTracker::new(),
        });
        let following = follow(Arc::downgrade(&bmc), bmc.power.clone());
        let closing = bmc.closing.clone();
        bmc.tasks.spawn(async move {
            tokio::select! {
                () = following => {}
                () = closing.cancelled() => {}
            }
        });
        bmc
    }

    /// What the machine is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Who may sign in.
    pub fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// Who is signed in.
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// What happened.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The watchdog.
    pub fn watchdog(&self) -> &Watchdog {
        &self.watchdog
    }

    /// When the BMC came to life.
    pub fn started_at(&self) -> Timestamp {
        self.started_at
    }

    /// A counter that rises with each change of what is known here, power included.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// The machine's power.
    pub fn power(&self) -> Power {
        self.power.borrow().clone()
    }

    /// The machine's power, to wait for changes of it.
    pub fn watch_power(&self) -> watch::Receiver<Power> {
        self.power.clone()
    }

    /// Whether the machine is on or off to stay, as far as the BMC knows: nothing that it asked for is under way. What it sees
    /// of the power lags behind what was asked for.
    pub fn is_settled(&self) -> bool {
        matches!(self.power.borrow().state, PowerState::On | PowerState::Off) && self.lock().under_way == 0
    }

    /// Acts on the machine's power, and returns when that is done.
    pub async fn act(self: &Arc<Self>, verb: Verb, cause: Cause) -> Result<(), MachineError> {
        self.ask(verb, cause)?.await
    }

    /// Begins to act on the machine's power; it goes on by itself. What is begun first is done first. Fails if the
    /// machine refuses at once; a failure that comes later is logged.
    pub fn begin(self: &Arc<Self>, verb: Verb, cause: Cause) -> Result<Begun, MachineError> {
        let mut work = self.ask(verb, cause)?;
        let (end, begun) = Begun::new(verb, self.watch_power());
        // Asked here, so that it has its place in the machine's queue; waited for elsewhere.
        if let Some(done) = (&mut work).now_or_never() {
            done?;
            drop(end.send(Ok(())));
            return Ok(begun);
        }
        let (node, closing) = (self.identity.node.clone(), self.closing.clone());
        self.tasks.spawn(async move {
            let Some(done) = closing.run_until_cancelled(work).await else {
                return;
            };
            if let Err(error) = &done {
                tracing::warn!(node, "the BMC could not {verb} its machine: {error}");
            }
            drop(end.send(done));
        });
        Ok(begun)
    }

    fn ask(self: &Arc<Self>, verb: Verb, cause: Cause) -> Result<Work<Result<(), MachineError>>, MachineError> {
        if !verb.suits_off() && !self.power.borrow().is_on() {
            let node = &self.identity.node;
            return Err(MachineError::Conflict(format!(
                "Node {node:?} is off: there is nothing to {verb}."
            )));
        }
        let on = self.power.borrow().is_on();
        let boots = match verb {
            Verb::On => !(on && self.is_settled()),
            Verb::Push => !on,
            Verb::Reset | Verb::Cycle => true,
            Verb::Off | Verb::Shutdown | Verb::Nmi => false,
        };
        let asked = match verb {
            _ if boots => {
                let mut state = self.lock();
                state.last_asked += 1;
                state.asked = Some((cause, state.last_asked));
                Some(state.last_asked)
            }
            Verb::Nmi => {
                self.log.add(Occurrence::Nmi(cause));
                None
            }
            _ => None,
        };
        let under_way = UnderWay::new(self);
        let (work, weak) = (self.machine.act(verb), Arc::downgrade(self));
        Ok(Box::pin(async move {
            let done = work.await;
            drop(under_way);
            if let Some((bmc, number)) = weak.upgrade().zip(asked) {
                bmc.answered(number, done.is_ok());
            }
            done
        }))
    }

    /// Takes note that what was asked for has ended: a boot that comes of something else later is not to be told as by who
    /// asked.
    fn answered(self: &Arc<Self>, number: u64, done: bool) {
        if !done {
            return self.forget_asked(number);
        }
        let weak = Arc::downgrade(self);
        let closing = self.closing.clone();
        self.tasks.spawn(async move {
            if closing.run_until_cancelled(sleep(NEWS)).await.is_some()
                && let Some(bmc) = weak.upgrade()
            {
                bmc.forget_asked(number);
            }
        });
    }

    fn forget_asked(&self, number: u64) {
        self.lock().asked.take_if(|(_, asked)| *asked == number);
    }

    /// From what the machine boots next, if not in its usual order.
    pub fn boot(&self) -> Option<BootOverride> {
        self.lock().boot
    }

    /// Decides from what the machine boots.
    pub fn set_boot(&self, boot: Option<BootOverride>) -> Result<(), MachineError> {
        // Under the lock, so that machine and BMC agree whoever else sets it.
        let mut state = self.lock();
        self.machine.set_boot(boot, state.boot_url.as_deref())?;
        (state.boot, state.boot_since) = (boot, self.power.borrow().boots);
        drop(state);
        self.changed();
        Ok(())
    }

    /// From which URL the machine boots when it is told to boot from one.
    pub fn boot_url(&self) -> Option<String> {
        self.lock().boot_url.clone()
    }

    /// Decides that. An override that holds already is not touched by it.
    pub fn set_boot_url(&self, url: Option<String>) {
        self.lock().boot_url = url;
        self.changed();
    }

    /// What becomes of the machine's power when that comes back.
    pub fn restore_policy(&self) -> RestorePolicy {
        self.machine.restore_policy()
    }

    /// Decides that, for good.
    pub fn set_restore_policy(&self, policy: RestorePolicy) -> Result<(), MachineError> {
        self.machine.set_restore_policy(policy)?;
        self.changed();
        Ok(())
    }

    /// Whether the machine's TPM is to begin anew at the next power-on.
    pub fn clears_tpm(&self) -> bool {
        self.lock().clear_tpm
    }

    /// Decides whether the machine's TPM is to begin anew at the next power-on.
    pub fn clear_tpm(&self, clear: bool) -> Result<(), MachineError> {
        let mut state = self.lock();
        self.machine.clear_tpm(clear)?;
        state.clear_tpm = clear;
        drop(state);
        self.changed();
        Ok(())
    }

    /// What the chassis remembers.
    pub fn chassis(&self) -> Chassis {
        let mut chassis = self.lock().chassis;
        chassis.identify = chassis.identify.now();
        chassis
    }

    /// Turns the identify light on or off.
    pub fn identify(&self, identify: Identify) {
        self.lock().chassis.identify = identify;
        self.changed();
    }

    /// How long the machine has been on in all.
    pub fn time_on(&self) -> Duration {
        let before = self.lock().chassis.on_before;
        before + self.power.borrow().on_since.map_or(Duration::ZERO, since)
    }

    /// The MTU that the machine's NICs are told at power-on.
    pub fn mtu(&self) -> u32 {
        self.machine.mtu()
    }

    /// How much the machine uses of its host, from 0 to 1, as far as that can be measured.
    pub fn usage(&self, of: Share) -> Option<f64> {
        self.machine.usage(of)
    }

    /// The machine's serial console, once there is one.
    pub fn console(&self) -> Option<Console> {
        self.machine.console()
    }

    /// Sends a break on the machine's serial line; the future returns once the line has had it.
    pub fn send_break(&self) -> Work<Result<(), MachineError>> {
        self.machine.send_break()
    }

    /// Ends whatever the BMC does by itself.
    pub async fn close(&self) {
        self.watchdog.stop();
        self.closing.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Takes note of a change of power.
    fn follow(&self, before: &Power, now: &Power) {
        let began = now.boots != before.boots;
        // What lay between may not have been seen: a machine that is on since another time was off.
        let another_run = before.on_since.is_some() && now.on_since != before.on_since;
        let ended = another_run || (before.is_on() && !now.is_on());
        if ended || began {
            self.watchdog.stop();
        }
        if ended {
            let ran = before.on_since.map_or(Duration::ZERO, since);
            self.lock().chassis.on_before += ran;
            self.log.add(Occurrence::PoweredOff(now.reason.clone()));
        }
        if began {
            let cause = {
                let mut state = self.lock();
                // What was asked for is yet to come, if the guest was quicker.
                let cause = if now.by_guest {
                    Cause::Guest
                } else {
                    state.asked.take().map_or(Cause::Other, |(cause, _)| cause)
                };
                state.chassis.restart_cause = cause;
                let power_on = before.on_since != now.on_since;
                // One that was decided since this boot is for the next.
                let seen = now.boots > state.boot_since;
                state.boot.take_if(|boot| {
                    let reached = power_on || !boot.target.takes_power_on();
                    seen && reached && boot.persistence == Persistence::Once
                });
                if power_on {
                    state.clear_tpm = false;
                }
                cause
            };
            self.log.add(if before.on_since.is_some() && !ended {
                Occurrence::Reset(cause)
            } else {
                Occurrence::PoweredOn(cause)
            });
        }
        self.changed();
    }

    fn changed(&self) {
        self.changes.send_modify(|version| *version += 1);
    }

    /// A panic while the lock was held can't have left more than one field changed.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Something that acts on the machine's power, until it ends or is given up.
struct UnderWay(Weak<Bmc>);

impl UnderWay {
    fn new(bmc: &Arc<Bmc>) -> Self {
        bmc.lock().under_way += 1;
        Self(Arc::downgrade(bmc))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if let Some(bmc) = self.0.upgrade() {
            bmc.lock().under_way -= 1;
        }
    }
}

async fn follow(bmc: Weak<Bmc>, mut power: watch::Receiver<Power>) {
    let mut before = Power::off();
    loop {
        let now = power.borrow_and_update().clone();
        match bmc.upgrade() {
            Some(bmc) if before != now => bmc.follow(&before, &now),
            Some(_) => {}
            None => return,
        }
        before = now;
        if power.changed().await.is_err() {
            return;
        }
    }
}

fn since(time: Timestamp) -> Duration {
    Timestamp::now().duration_since(time).unsigned_abs()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;
    use crate::bmc::{
        BootFirmware, BootTarget,
        testing::{Scripted, bmc},
    };

    /// Waits until the BMC has taken note.
    async fn logged(bmc: &Bmc, entries: usize) -> Vec<Occurrence> {
        let mut changes = bmc.watch();
        while bmc.log().entries().len() < entries {
            changes.changed().await.unwrap();
        }
        bmc.log().entries().into_iter().map(|entry| entry.what).collect()
    }

    #[tokio::test]
    async fn what_happens_to_the_machine_is_logged() {
        let machine = Scripted::new();
        let bmc = bmc(&machine);
        bmc.act(Verb::On, Cause::Ipmi).await.unwrap();
        logged(&bmc, 1).await;
        bmc.begin(Verb::Reset, Cause::Redfish).unwrap();
        logged(&bmc, 2).await;
        bmc.act(Verb::Off, Cause::Ipmi).await.unwrap();
        let found = logged(&bmc, 3).await;
        assert_eq!(
            found[..2],
            [Occurrence::PoweredOn(Cause::Ipmi), Occurrence::Reset(Cause::Redfish)]
        );
        assert!(matches!(&found[2], Occurrence::PoweredOff(Some(_))));
        let refused = bmc.begin(Verb::Reset, Cause::Ipmi);
        assert!(matches!(refused, Err(MachineError::Conflict(_))));
        bmc.close().await;
    }

    #[tokio::test]
    async fn a_cycle_is_logged_as_off_and_on() {
        let bmc = bmc(&Scripted::new());
        bmc.act(Verb::On, Cause::Other).await.unwrap();
        logged(&bmc, 1).await;
        bmc.act(Verb::Cycle, Cause::Ipmi).await.unwrap();
        let found = logged(&bmc, 3).await;
        assert!(matches!(found[1], Occurrence::PoweredOff(_)), "{found:?}");
        assert_eq!(found[2], Occurrence::PoweredOn(Cause::Ipmi));
    }

    #[tokio::test]
    async fn who_asked_in_vain_is_not_the_cause_of_a_later_boot() {
        let machine = Scripted::new();
        let bmc = bmc(&machine);
        bmc.act(Verb::On, Cause::Ipmi).await.unwrap();
        logged(&bmc, 1).await;
        assert!(bmc.is_settled());
        bmc.act(Verb::On, Cause::Redfish).await.unwrap();
        machine.act(Verb::Reset).await.unwrap();
        assert_eq!(logged(&bmc, 2).await[1], Occurrence::Reset(Cause::Other));
        machine.refuses.store(true, Ordering::Relaxed);
        bmc.act(Verb::Reset, Cause::Redfish).await.unwrap_err();
        machine.refuses.store(false, Ordering::Relaxed);
        machine.act(Verb::Reset).await.unwrap();
        assert_eq!(logged(&bmc, 3).await[2], Occurrence::Reset(Cause::Other));
    }

    #[tokio::test(start_paused = true)]
    async fn what_ended_without_a_boot_has_none_later() {
        let machine = Scripted::new();
        let bmc = bmc(&machine);
        let turn = machine.turn.lock().await;
        bmc.begin(Verb::On, Cause::Ipmi).unwrap();
        bmc.begin(Verb::On, Cause::Redfish).unwrap();
        assert!(!bmc.is_settled());
        drop(turn);
        logged(&bmc, 1).await;
        // The second one again finds it on, and leaves nothing behind.
        let turn = machine.turn.lock().await;
        bmc.begin(Verb::Nmi, Cause::Ipmi).unwrap();
        bmc.begin(Verb::On, Cause::Redfish).unwrap();
        drop(turn);
        sleep(NEWS * 2).await;
        machine.act(Verb::Reset).await.unwrap();
        assert_eq!(logged(&bmc, 3).await[2], Occurrence::Reset(Cause::Other));
    }

    #[tokio::test]
    async fn an_override_for_once_holds_for_one_boot() {
        let machine = Scripted::new();
        let bmc = bmc(&machine);
        let mut boot = BootOverride {
            target: BootTarget::Pxe,
            persistence: Persistence::Once,
            firmware: BootFirmware::Legacy,
        };
        bmc.set_boot(Some(boot)).unwrap();
        assert_eq!(machine.boots.lock().unwrap().as_slice(), [Some(boot)]);
        bmc.act(Verb::On, Cause::Ipmi).await.unwrap();
        logged(&bmc, 1).await;
        assert_eq!(bmc.boot(), None);
        boot.persistence = Persistence::Continuous;
        bmc.set_boot(Some(boot)).unwrap();
        bmc.act(Verb::Reset, Cause::Ipmi).await.unwrap();
        logged(&bmc, 2).await;
        assert_eq!(bmc.boot(), Some(boot));
    }

    #[tokio::test]
    async fn an_override_by_variables_holds_until_a_power_on() {
        let machine = Scripted::new();
        let bmc = bmc(&machine);
        bmc.act(Verb::On, Cause::Ipmi).await.unwrap();
        logged(&bmc, 1).await;
        let boot = BootOverride {
            target: BootTarget::Setup,
            persistence: Persistence::Once,
            firmware: BootFirmware::Uefi,
        };
        bmc.set_boot(Some(boot)).unwrap();
        machine.reboot();
        logged(&bmc, 2).await;
        assert_eq!(bmc.boot(), Some(boot));
        bmc.act(Verb::Cycle, Cause::Ipmi).await.unwrap();
        logged(&bmc, 4).await;
        assert_eq!(bmc.boot(), None);
    }

    #[tokio::test]
    async fn a_reboot_of_the_guest_is_a_boot() {
        let machine = Scripted::new();
        let bmc = bmc(&machine);
        bmc.act(Verb::On, Cause::Ipmi).await.unwrap();
        logged(&bmc, 1).await;
        let settings = super::super::WatchdogSettings {
            time: Duration::from_secs(600),
            ..Default::default()
        };
        bmc.watchdog().set(&bmc, settings, 0, false);
        bmc.watchdog().start(&bmc);
        let boot = BootOverride {
            target: BootTarget::Cd,
            persistence: Persistence::Once,
            firmware: BootFirmware::Legacy,
        };
        bmc.set_boot(Some(boot)).unwrap();
        machine.reboot();
        assert_eq!(logged(&bmc, 2).await[1], Occurrence::Reset(Cause::Guest));
        assert_eq!((bmc.boot(), bmc.chassis().restart_cause), (None, Cause::Guest));
        assert_eq!(bmc.watchdog().state().left, None);
    }

    #[tokio::test]
    async fn sessions_are_listed_while_they_last() {
        let bmc = bmc(&Scripted::new());
        let session = super::super::Session {
            face: super::super::Face::Redfish,
            user: "cybozu".into(),
            role: super::super::Role::Administrator,
            remote: [10, 0, 0, 9].into(),
            since: Timestamp::now(),
        };
        let guard = bmc.sessions().add(session.clone());
        assert_eq!(bmc.sessions().list(), [session]);
        drop(guard);
        assert!(bmc.sessions().list().is_empty());
    }
}
