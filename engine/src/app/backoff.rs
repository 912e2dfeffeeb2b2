//! How long to wait before a program is started again.

use std::time::Duration;

/// The first wait; each further one is twice as long.
const FIRST: Duration = Duration::from_millis(100);

/// The longest wait.
const LONGEST: Duration = Duration::from_secs(10);

/// A run of this length was a good one: the next wait is the first one again.
const GOOD_RUN: Duration = Duration::from_secs(10);

/// Waits that grow from run to run.
#[derive(Default)]
pub struct Backoff {
    last: Option<Duration>,
}

impl Backoff {
    /// The wait after a run of this length.
    pub fn after(&mut self, run: Duration) -> Duration {
        let wait = match self.last {
            Some(last) if run < GOOD_RUN => (last * 2).min(LONGEST),
            _ => FIRST,
        };
        self.last = Some(wait);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_ten_seconds_and_start_over_after_a_good_run() {
        let mut backoff = Backoff::default();
        let mut waits = || {
            (0..9)
                .map(|_| backoff.after(Duration::ZERO).as_millis())
                .collect::<Vec<_>>()
        };
        assert_eq!(waits(), [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
        assert_eq!(backoff.after(GOOD_RUN), FIRST);
        assert_eq!(backoff.after(Duration::from_secs(1)), FIRST * 2);
    }
}
