//! The terminal that a serial console or a shell believes to be connected to.
//!
//! Whatever a guest writes ends here, in cells; nothing of it reaches the terminal of the user but as cells that are drawn.

mod charset;
mod draw;
mod ear;
mod history;
mod keys;
mod reset;
mod scrollback;
mod size;
mod terminal;
#[cfg(test)]
mod tests;

pub use draw::Emulated;
pub use scrollback::Motion;
pub use size::Size;
pub use terminal::Emulator;
