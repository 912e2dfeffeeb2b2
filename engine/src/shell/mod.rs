//! Shells inside the lab's namespaces, each on a pseudo terminal of its own or, for scripts, without one.
//!
//! This folder knows of a namespace only that a program can be started in it, and nothing of HTTP: whoever asked gets a
//! stream of bytes. Closing that stream hangs the shell up.

mod carry;
mod error;
mod pipes;
mod program;
mod table;

pub use crate::pty::Size;
pub use error::ShellError;
pub use table::{Opened, ShellState, Shells, Terminal, Wanted};
