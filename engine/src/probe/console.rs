//! Waiting for a line on a serial console.

use regex::bytes::Regex;

use crate::console::{Console, Found, Matcher, Reader};

/// Looks for a line among all that the machine wrote since it was last switched on or reset.
pub struct Watch {
    reader: Reader,
    matcher: Matcher,
}

impl Watch {
    /// Begins to look.
    pub fn new(console: &Console, pattern: Regex) -> Self {
        Self {
            reader: console.reader_of_this_run(),
            matcher: Matcher::new(pattern),
        }
    }

    /// Returns when a line matches; never if the console is closed before. Cancel safe.
    pub async fn found(&mut self) {
        while let Some(chunk) = self.reader.next().await {
            if self.matcher.take(&chunk.bytes) != Found::Nothing {
                return;
            }
        }
        std::future::pending::<()>().await;
    }

    /// What came last instead, as text; empty if nothing came.
    pub fn last_seen(&self) -> String {
        String::from_utf8_lossy(self.matcher.last_seen()).into_owned()
    }
}
