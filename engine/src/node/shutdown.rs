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
    /// Others still wait.
    Wait,
    /// Nobody waits any more: it stays on. The last who gave up gave it that long.
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

    /// Waits until somebody's time is over; for ever if nobody waits. Cancel safe.
    pub(super) async fn overdue(&self) {
        match self.0.iter().map(|waiter| waiter.deadline).min() {
            Some(deadline) => sleep_until(deadline).await,
            None => pending().await,
        }
    }

    /// Settles what happens now that somebody's time is over, and tells those whose it is, unless the machine is to be
    /// powered off: then that answers all.
    pub(super) fn settle(&mut self, node: &str) -> Verdict {
        let now = Instant::now();
        let over = |waiter: &Waiter| waiter.deadline <= now;
        let forced = self.0.iter().find(|waiter| over(waiter) && waiter.grace.force);
        if let Some(waiter) = forced {
            return Verdict::Force(waiter.grace.limit);
        }
        let mut last = Duration::ZERO;
        for waiter in self.0.extract_if(.., |waiter| over(waiter)) {
            last = waiter.grace.limit;
            let error = NodeError::DidNotShutDown {
                node: node.to_owned(),
                seconds: last.as_secs_f64(),
            };
            // Whoever asked may have gone.
            drop(waiter.reply.send(Err(error)));
        }
        if self.is_under_way() {
            Verdict::Wait
        } else {
            Verdict::GiveUp(last)
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
        assert_eq!(shutdown.settle("a"), Verdict::Wait);
        let error = hasty.await.unwrap().unwrap_err();
        let told = "node `a` did not shut down within 1 seconds and is still on";
        assert_eq!(error.to_string(), told);
        assert!(patient.try_recv().is_err());
        shutdown.overdue().await;
        assert_eq!(shutdown.settle("a"), Verdict::GiveUp(Duration::from_secs(60)));
        assert!(patient.await.unwrap().is_err());
        assert!(!shutdown.is_under_way());
    }

    #[tokio::test(start_paused = true)]
    async fn one_who_forces_forces_for_all() {
        let mut shutdown = Shutdown::default();
        let patient = joined(&mut shutdown, u64::MAX, false);
        let forcing = joined(&mut shutdown, 2, true);
        shutdown.overdue().await;
        assert_eq!(shutdown.settle("a"), Verdict::Force(Duration::from_secs(2)));
        shutdown.answer(|| Ok(()));
        assert!(patient.await.unwrap().is_ok() && forcing.await.unwrap().is_ok());
    }
}
