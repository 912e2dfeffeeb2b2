//! What goes wrong with shells.

use std::io;

use crate::keeper::KeeperError;

/// Why there is no shell.
#[derive(Debug, thiserror::Error)]
pub enum ShellError {
    /// No pseudo terminal, no pipe, or no stream.
    #[error("No terminal could be made for a shell in namespace {netns:?}: {source}.")]
    Terminal {
        /// The namespace.
        netns: String,
        /// Why.
        source: io::Error,
    },
    /// It does not start.
    #[error("No shell in namespace {netns:?}: {source}.")]
    Start {
        /// The namespace.
        netns: String,
        /// Why.
        source: KeeperError,
    },
    /// The end of its input can't be told.
    #[error("The shell {0:?} is on a terminal: Ctrl-D, typed there, ends its input.")]
    OnTerminal(String),
    /// There are enough.
    #[error("{0} shells are open already: close one of them.")]
    TooMany(usize),
    /// Not there, or so long ago that it was forgotten.
    #[error("There is no shell {0:?}.")]
    NotFound(String),
    /// It has ended.
    #[error("The shell {0:?} has ended.")]
    Ended(String),
}
