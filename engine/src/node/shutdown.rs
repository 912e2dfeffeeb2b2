//! A guest that was asked to shut down, and those who wait for it.

use std::{future::pending, time::Duration};

use tokio::{
    sync::oneshot,
    time::{Instant, sleep_until},
};

use super::{Grace, NodeError};

/// Who waits longer than this waits no longer than this.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Who waits for the shutting down of a machine; nobody if it was not asked for.
#[derive(Default)]
pub(super) struct Shutdown(Vec<Waiter>);

struct Waiter {
    grace: Grace,
    deadline: Instant,
    reply: oneshot::Sender<Result<(), NodeError>>,
}

/// What is to be done with a machine when somebody has waited long enough.
#[derive(Debug, PartialEq)]
pub(super) enum Verdict {
    /// Somebody wanted it to be powered off then; this was the time they gave it.
    Force(Duration),
    /// Others wait longer.
    Wait,
    /// Nobody waits longer: it stays on. The last who asked gave it that long.
    GiveUp(Duration),
}

impl Shutdown {
    /// Whether somebody waits.
    pub(super) fn is_under_way(&self) -> bool {
        !self.0.is_empty()
    }

    /// Adds one who waits.
    pub(super) fn join(&mut self, grace: Grace, reply: oneshot::Sender<Result<(), NodeError>>) {
        let deadline = Instant::now() + grace.limit.min(LONGEST);
        self.0.push(Waiter { grace, deadline, reply });
    }

    /// Waits until somebody's time is over, and returns the time then; for ever if nobody waits. Cancel safe.
    pub(super) async fn overdue(&self) -> Instant {
        match self.0.iter().map(|waiter| waiter.deadline).min() {
            Some(deadline) => sleep_until(deadline).await,
            None => pending().await,
        }
        Instant::now()
    }

    /// What is to be done at a time when somebody's is over.
    pub(super) fn verdict(&self, now: Instant) -> Verdict {
        let overdue = || self.0.iter().filter(|waiter| waiter.deadline <= now);
        if let Some(waiter) = overdue().find(|waiter| waiter.grace.force) {
            return Verdict::Force(waiter.grace.limit);
        }
        match overdue().next_back() {
            Some(last) if overdue().count() == self.0.len() => Verdict::GiveUp(last.grace.limit),
            _ => Verdict::Wait,
        }
    }

    /// Tells those whose time is over then that the node is still on.
    pub(super) fn dismiss_overdue(&mut self, now: Instant, node: &str) {
        for waiter in self.0.extract_if(.., |waiter| waiter.deadline <= now) {
            let error = NodeError::DidNotShutDown {
                node: node.to_owned(),
                seconds: waiter.grace.limit.as_secs_f64(),
            };
            // Whoever asked may have gone.
            drop(waiter.reply.send(Err(error)));
        }
    }

    /// Tells all who wait what came of it.
    pub(super) fn answer(&mut self, result: impl Fn() -> Result<(), NodeError>) {
        for waiter in self.0.drain(..) {
            drop(waiter.reply.send(result()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(shutdown: &mut Shutdown, seconds: u64, force: bool) -> oneshot::Receiver<Result<(), NodeError>> {
        let (reply, outcome) = oneshot::channel();
        let limit = Duration::from_secs(seconds);
        shutdown.join(Grace { limit, force }, reply);
        outcome
    }

    #[tokio::test(start_paused = true)]
    async fn each_waits_as_long_as_it_wants() {
        let mut shutdown = Shutdown::default();
        let mut patient = joined(&mut shutdown, 60, false);
        let hasty = joined(&mut shutdown, 1, false);
        shutdown.overdue().await;
        assert_eq!(shutdown.verdict(Instant::now()), Verdict::Wait);
        shutdown.dismiss_overdue(Instant::now(), "a");
        let error = hasty.await.unwrap().unwrap_err();
        let told = "node `a` did not shut down within 1 seconds and is still on";
        assert_eq!(error.to_string(), told);
        assert!(patient.try_recv().is_err());
        shutdown.overdue().await;
        assert_eq!(
            shutdown.verdict(Instant::now()),
            Verdict::GiveUp(Duration::from_secs(60))
        );
        shutdown.dismiss_overdue(Instant::now(), "a");
        assert!(patient.await.unwrap().is_err());
        assert!(!shutdown.is_under_way());
    }

    #[tokio::test(start_paused = true)]
    async fn one_who_forces_forces_for_all() {
        let mut shutdown = Shutdown::default();
        let patient = joined(&mut shutdown, u64::MAX, false);
        let forcing = joined(&mut shutdown, 2, true);
        shutdown.overdue().await;
        assert_eq!(shutdown.verdict(Instant::now()), Verdict::Force(Duration::from_secs(2)));
        shutdown.answer(|| Ok(()));
        assert!(patient.await.unwrap().is_ok() && forcing.await.unwrap().is_ok());
    }
}
