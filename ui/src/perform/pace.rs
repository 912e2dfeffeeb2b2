//! How fast one console is read: nobody can read a flood, and what is spent on it is taken from the keys of the others.

use tokio::time::{Instant, sleep_until};

use crate::terminal::FRAME;

/// Bytes of one console in the time of a frame, some 8 MB/s: a fraction of what the emulator can take, and more than any serial line brings.
/// What is more waits in the lab's hub, whose log has it all.
const ALLOWANCE: usize = 256 * 1024;

/// What one console has used of its allowance.
pub struct Pace {
    since: Instant,
    used: usize,
}

impl Pace {
    /// Of a console that has written nothing yet.
    pub fn new() -> Self {
        Self {
            since: Instant::now(),
            used: 0,
        }
    }

    /// Counts what was read; waits for the next frame if that was all of this one's.
    pub async fn spend(&mut self, bytes: usize) {
        if Instant::now() >= self.since + FRAME {
            *self = Self::new();
        }
        self.used += bytes;
        if self.used >= ALLOWANCE {
            sleep_until(self.since + FRAME).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_flood_waits_for_the_next_frame() {
        let begun = Instant::now();
        let mut pace = Pace::new();
        for _ in 0..30 {
            pace.spend(ALLOWANCE).await;
        }
        assert!(begun.elapsed() >= FRAME * 30);
    }

    #[tokio::test(start_paused = true)]
    async fn what_people_read_does_not_wait() {
        let begun = Instant::now();
        let mut pace = Pace::new();
        for _ in 0..100 {
            pace.spend(1000).await;
        }
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }
}
