//! Power of a node: its states and what can be asked of it.

use std::{str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Power of a node. `Off` means that no QEMU process exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum PowerState {
    /// QEMU runs.
    On,
    /// QEMU is being started.
    PoweringOn,
    /// No QEMU process.
    Off,
    /// QEMU is being ended, or the guest was asked to shut down.
    PoweringOff,
}

/// What can be asked of a node's power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Power on; nothing if it is on.
    Start,
    /// Power off at once; nothing if it is off.
    Stop,
    /// Reset if on, power on if off.
    Restart,
    /// Have the guest shut down, by its power button.
    Shutdown(Grace),
    /// Push the reset button.
    Reset,
    /// Power off at once, if on, and on again.
    Cycle,
    /// Give the guest a non-maskable interrupt.
    Nmi,
    /// Push the power button for a moment: power on if off, else leave it to the guest what that means.
    Push,
}

/// How long a guest may take to shut down, and what is done if it takes longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grace {
    /// How long.
    pub limit: Duration,
    /// Power off then, instead of leaving the node on.
    pub force: bool,
}

impl Default for Grace {
    fn default() -> Self {
        Self {
            limit: Duration::from_secs(60),
            force: false,
        }
    }
}

impl Action {
    /// Every word for an action, those of placemat v2 first.
    pub const WORDS: &[&str] = &[
        "start", "stop", "restart", "on", "off", "shutdown", "reset", "cycle", "nmi", "push",
    ];
}

/// That a word names no action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownAction;

impl FromStr for Action {
    type Err = UnknownAction;

    fn from_str(word: &str) -> Result<Self, UnknownAction> {
        Ok(match word {
            "start" | "on" => Self::Start,
            "stop" | "off" => Self::Stop,
            "restart" => Self::Restart,
            "shutdown" => Self::Shutdown(Grace::default()),
            "reset" => Self::Reset,
            "cycle" => Self::Cycle,
            "nmi" => Self::Nmi,
            "push" => Self::Push,
            _ => return Err(UnknownAction),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_an_action() {
        for word in Action::WORDS {
            assert!(word.parse::<Action>().is_ok(), "{word}");
        }
        assert_eq!("Start".parse::<Action>(), Err(UnknownAction));
    }
}
