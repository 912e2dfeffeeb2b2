//! What the screen asks for, done: requests to the lab, streams of consoles and logs, files, the clipboard. Each runs as a
//! task and tells what came of it as a message.

mod backoff;
mod batch;
mod clipboard;
mod follow;
mod links;
mod log;
mod pace;
mod pane;
mod performer;
mod redfish;
mod save;
mod ssh;

use tokio::sync::mpsc;

use crate::msg::Msg;

pub use performer::Performer;

/// What the consoles of this program are as terminals, for `TERM` of what runs on one.
const TERM: &str = "xterm-256color";

/// A sender of messages. What is not sent in time waits: whoever writes much is slowed down by the screen.
pub type Sender = mpsc::Sender<Msg>;

/// Messages of consoles that wait to be shown; a flood is held back here, and by the lab's hub in the end.
pub const FLOOD: usize = 4;
