//! The watchdog: whoever starts it has to keep starting it, or the machine is reset, powered off or cycled.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{task::AbortHandle, time::Instant};

use super::{Bmc, Cause, Occurrence, Verb};

/// What a watchdog does and when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WatchdogSettings {
    /// What it watches, as IPMI numbers it: 1 BIOS FRB2, 2 BIOS POST, 3 loading of the operating system, 4 the
    /// operating system, 5 other.
    pub purpose: u8,
    /// What is done to the machine in the end; `None`: nothing.
    pub action: Option<Verb>,
    /// Whether the machine gets a non-maskable interrupt before.
    pub warn_by_nmi: bool,
    /// How long before the end it is warned.
    pub warn_before: Duration,
    /// How long it runs.
    pub time: Duration,
    /// Leave its end out of the log.
    pub silent: bool,
}

/// What came of a watchdog that was not started again in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// The machine was warned.
    Warning,
    /// The time is over.
    Final,
}

/// A watchdog at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WatchdogState {
    /// What it does; `None`: nobody has said so yet.
    pub settings: Option<WatchdogSettings>,
    /// How long it has yet to run; `None`: it does not run.
    pub left: Option<Duration>,
    /// Bit N: it ran out while it watched for purpose N.
    pub expired: u8,
}

/// The watchdog of a BMC.
#[derive(Debug, Default)]
pub struct Watchdog {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    settings: Option<WatchdogSettings>,
    running: Option<Running>,
    last_run: u64,
    expired: u8,
}

#[derive(Debug)]
struct Running {
    /// Which one it is: a task that was just about to act when it was halted must not act for the next.
    run: u64,
    end: Instant,
    task: AbortHandle,
}

impl Inner {
    /// Whether that run goes on.
    fn is(&self, run: u64) -> bool {
        self.running.as_ref().is_some_and(|running| running.run == run)
    }

    /// Ends its running; whether it ran.
    fn halt(&mut self) -> bool {
        let running = self.running.take();
        running.inspect(|running| running.task.abort()).is_some()
    }
}

impl Watchdog {
    /// How it is.
    pub fn state(&self) -> WatchdogState {
        let inner = self.lock();
        let left = |running: &Running| running.end.saturating_duration_since(Instant::now());
        WatchdogState {
            settings: inner.settings,
            left: inner.running.as_ref().map(left),
            expired: inner.expired,
        }
    }

    /// Decides what it does. It stops, unless it is to run on with the new time.
    pub fn set(&self, bmc: &Arc<Bmc>, settings: WatchdogSettings, clear_expired: u8, run_on: bool) {
        let runs = {
            let mut inner = self.lock();
            inner.settings = Some(settings);
            inner.expired &= !clear_expired;
            inner.halt()
        };
        if runs && run_on {
            self.start(bmc);
        }
    }

    /// Has it run from the beginning; false if nobody has said yet what it is to do. Needs a tokio runtime.
    pub fn start(&self, bmc: &Arc<Bmc>) -> bool {
        let mut inner = self.lock();
        let Some(settings) = inner.settings else { return false };
        inner.halt();
        let end = Instant::now() + settings.time;
        let weak = Arc::downgrade(bmc);
        inner.last_run += 1;
        let run = inner.last_run;
        let task = tokio::spawn(async move {
            if settings.warn_by_nmi {
                tokio::time::sleep_until(end - settings.warn_before.min(settings.time)).await;
                let Some(bmc) = weak.upgrade() else { return };
                bmc.watchdog().warn(&bmc, settings, run);
            }
            tokio::time::sleep_until(end).await;
            let Some(bmc) = weak.upgrade() else { return };
            bmc.watchdog().expire(&bmc, settings, run);
        });
        let task = task.abort_handle();
        inner.running = Some(Running { run, end, task });
        true
    }

    /// Stops it: the machine it watched is off, or begins anew.
    pub(super) fn stop(&self) {
        self.lock().halt();
    }

    /// The interrupt before the end, and its event, which there is with an interrupt alone and unless none is wanted (IPMI 2.0,
    /// 27.6).
    fn warn(&self, bmc: &Arc<Bmc>, settings: WatchdogSettings, run: u64) {
        if !self.lock().is(run) {
            return;
        }
        if !settings.silent {
            bmc.log().add(Occurrence::Watchdog(Expiry::Warning, settings));
        }
        if let Err(error) = bmc.begin(Verb::Nmi, Cause::Watchdog) {
            failed(&error);
        }
    }

    fn expire(&self, bmc: &Arc<Bmc>, settings: WatchdogSettings, run: u64) {
        {
            let mut inner = self.lock();
            if !inner.is(run) {
                return;
            }
            inner.expired |= 1_u8.checked_shl(settings.purpose.into()).unwrap_or_default();
            // Not halted: that would end the task this runs in before it has acted.
            inner.running = None;
        }
        if !settings.silent {
            bmc.log().add(Occurrence::Watchdog(Expiry::Final, settings));
        }
        if let Some(Err(error)) = settings.action.map(|verb| bmc.begin(verb, Cause::Watchdog)) {
            failed(&error);
        }
    }

    /// A panic while the lock was held can't have left the settings half changed.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn failed(error: &super::MachineError) {
    tracing::warn!("a watchdog could not act: {error}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bmc::testing::{Scripted, bmc};

    fn settings() -> WatchdogSettings {
        WatchdogSettings {
            purpose: 4,
            action: Some(Verb::Reset),
            warn_by_nmi: true,
            warn_before: Duration::from_secs(2),
            time: Duration::from_secs(10),
            silent: false,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_warns_and_acts_when_nobody_starts_it_again() {
        let machine = Scripted::new();
        let bmc = bmc(&machine);
        assert!(!bmc.watchdog().start(&bmc));
        bmc.act(Verb::On, Cause::Ipmi).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        bmc.watchdog().set(&bmc, settings(), 0xff, false);
        assert!(bmc.watchdog().start(&bmc));
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_secs(7)).await;
            assert!(bmc.watchdog().start(&bmc));
        }
        assert_eq!(machine.acts(), [Verb::On]);
        tokio::time::sleep(Duration::from_secs(9)).await;
        assert_eq!(machine.acts(), [Verb::Nmi]);
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(machine.acts(), [Verb::Reset]);
        let state = bmc.watchdog().state();
        assert_eq!((state.left, state.expired), (None, 1 << 4));
        assert_eq!(bmc.chassis().restart_cause, Cause::Watchdog);
    }

    #[tokio::test(start_paused = true)]
    async fn a_run_that_was_halted_does_nothing_to_the_next() {
        let machine = Scripted::new();
        let bmc = bmc(&machine);
        bmc.act(Verb::On, Cause::Ipmi).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        machine.acts();
        bmc.watchdog().set(&bmc, settings(), 0, false);
        bmc.watchdog().start(&bmc);
        let run = bmc.watchdog().lock().last_run;
        bmc.watchdog().start(&bmc);
        // As if it had been too late to end its task.
        bmc.watchdog().warn(&bmc, settings(), run);
        bmc.watchdog().expire(&bmc, settings(), run);
        assert!(machine.acts().is_empty());
        let state = bmc.watchdog().state();
        assert_eq!((state.left, state.expired), (Some(Duration::from_secs(10)), 0));
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_told_of_only_as_wanted() {
        for (warn_by_nmi, silent, told) in [(true, false, 3), (false, false, 1), (true, true, 1), (false, true, 0)] {
            let machine = Scripted::new();
            let bmc = bmc(&machine);
            bmc.act(Verb::On, Cause::Ipmi).await.unwrap();
            tokio::time::sleep(Duration::from_secs(1)).await;
            let settings = WatchdogSettings {
                warn_by_nmi,
                silent,
                action: None,
                ..settings()
            };
            bmc.watchdog().set(&bmc, settings, 0, false);
            bmc.watchdog().start(&bmc);
            let before = bmc.log().entries().len();
            tokio::time::sleep(Duration::from_secs(11)).await;
            // The interrupt itself is told of like any other.
            assert_eq!(bmc.log().entries().len() - before, told, "{warn_by_nmi} {silent}");
            assert_eq!(machine.acts().contains(&Verb::Nmi), warn_by_nmi);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_stops_when_the_machine_goes_off() {
        let machine = Scripted::new();
        let bmc = bmc(&machine);
        bmc.act(Verb::On, Cause::Other).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        bmc.watchdog().set(&bmc, settings(), 0, false);
        bmc.watchdog().start(&bmc);
        bmc.act(Verb::Off, Cause::Other).await.unwrap();
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(machine.acts(), [Verb::On, Verb::Off]);
        assert_eq!(bmc.watchdog().state().left, None);
    }
}
