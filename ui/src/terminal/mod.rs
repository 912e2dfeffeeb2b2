//! The user's terminal: taken as a whole, drawn on, and given back as it was, however this process ends.

mod guard;
mod screen;

pub use guard::{Guard, TerminalError, give_back, mouse};
pub use screen::{Outlet, Screen};
