//! What came of a test, and the exit status that says so.

use std::fmt;

use crate::placemat2::settled::Unready;

/// Exit status: the lab can't be built as it is written.
pub const BAD_FILE: u8 = 120;
/// Exit status: the lab did not come up.
pub const NOT_STARTED: u8 = 121;
/// Exit status: something did not get ready, or not in time.
pub const NOT_READY: u8 = 122;
/// Exit status: the lab could not go on while the command ran, or could not be taken down.
pub const BROKEN: u8 = 123;
/// Exit status: the command was found but cannot be run, as shells have it.
const CANNOT_RUN: u8 = 126;
/// Exit status: there is no such command, as shells have it.
const NOT_FOUND: u8 = 127;
/// What is added to the number of a signal, as in shells.
const BY_SIGNAL: i32 = 128;

/// What came of a test.
#[derive(Debug)]
pub enum Outcome {
    /// The command ended with this exit status; one that a signal ended has 128 and the signal's number.
    Ended(u8),
    /// The lab can't be built as it is written.
    BadFile,
    /// The lab did not come up.
    NotStarted(String),
    /// These are not ready, and won't be or took too long.
    NotReady(Vec<Unready>),
    /// The command could not be started.
    NoCommand {
        /// Why.
        reason: String,
        /// Whether there is none of that name.
        missing: bool,
    },
    /// The lab could not go on, or not be taken down.
    Broken(String),
    /// A signal asked for the end.
    Interrupted(i32),
}

impl Outcome {
    /// Whether there is nothing to look into.
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Ended(0))
    }

    /// The exit status.
    pub fn code(&self) -> u8 {
        match self {
            Self::Ended(code) => *code,
            Self::BadFile => BAD_FILE,
            Self::NotStarted(_) => NOT_STARTED,
            Self::NotReady(_) => NOT_READY,
            Self::NoCommand { missing: true, .. } => NOT_FOUND,
            Self::NoCommand { .. } => CANNOT_RUN,
            Self::Broken(_) => BROKEN,
            Self::Interrupted(signal) => by_signal(*signal),
        }
    }
}

/// The exit status that tells of a signal.
pub fn by_signal(signal: i32) -> u8 {
    u8::try_from(BY_SIGNAL + signal).unwrap_or(u8::MAX)
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended(0) => f.write_str("passed"),
            Self::Ended(code) => write!(f, "failed: the command ended with exit status {code}"),
            Self::BadFile => f.write_str("not begun: the lab can't be built as it is written"),
            Self::NotStarted(reason) => write!(f, "not begun: the lab did not come up: {reason}"),
            Self::NotReady(unready) => {
                let names: Vec<_> = unready.iter().map(|unready| unready.object.as_str()).collect();
                write!(f, "not begun: not ready: {}", names.join(", "))
            }
            Self::NoCommand { reason, .. } => write!(f, "not begun: {reason}"),
            Self::Broken(reason) => write!(f, "broken: {reason}"),
            Self::Interrupted(signal) => write!(f, "interrupted by signal {signal}"),
        }
    }
}
