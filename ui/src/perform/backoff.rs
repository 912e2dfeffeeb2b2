//! How long to wait before a connection is tried again.

use std::time::Duration;

/// Waits that grow from a tenth of a second to two seconds.
pub struct Backoff(Duration);

impl Default for Backoff {
    fn default() -> Self {
        Self(Duration::from_millis(50))
    }
}

impl Backoff {
    /// Waits, the next time longer.
    pub async fn wait(&mut self) {
        self.0 = (self.0 * 2).min(Duration::from_secs(2));
        tokio::time::sleep(self.0).await;
    }
}
