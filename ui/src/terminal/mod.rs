//! The user's terminal: taken as a whole, drawn on, and given back as it was, however this process ends.

use std::time::Duration;

mod guard;
mod screen;

pub use guard::{Guard, TerminalError, give_back, mouse, usable};
pub use screen::{Outlet, Screen};

/// The time between frames: at most 30 a second.
pub const FRAME: Duration = Duration::from_millis(33);
