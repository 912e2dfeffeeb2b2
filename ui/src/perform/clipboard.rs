//! The clipboard of the user's terminal, by OSC 52.

use std::io::Write as _;

use crossterm::{clipboard::CopyToClipboard, queue};

use super::Sender;
use crate::msg::Msg;

/// The most that terminals take.
const MOST: usize = 74_000;

/// Puts a text there, if the terminal lets it be.
pub fn copy(text: &str, messages: &Sender) {
    if text.len() > MOST {
        let told = format!(
            "{} bytes are more than terminals take into their clipboard: save them with S",
            text.len()
        );
        let _ = messages.try_send(Msg::Told(Err(told)));
        return;
    }
    let text = text.to_owned();
    // The terminal may take its time.
    drop(tokio::task::spawn_blocking(move || {
        let mut out = Vec::new();
        let _ = queue!(out, CopyToClipboard::to_clipboard_from(text));
        let mut stdout = std::io::stdout().lock();
        let _ = stdout.write_all(&out).and_then(|()| stdout.flush());
    }));
}
