//! The resets of Redfish.

use crate::glyph::Mood;

/// A value of `ResetType`, of Redfish's schema Resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "they are called as in the schema")]
pub enum Reset {
    On,
    ForceOn,
    GracefulShutdown,
    GracefulRestart,
    PushPowerButton,
    ForceRestart,
    PowerCycle,
    ForceOff,
    Nmi,
}

impl Reset {
    /// Every one, in the order of the menu.
    pub const ALL: [Self; 9] = [
        Self::On,
        Self::ForceOn,
        Self::GracefulShutdown,
        Self::GracefulRestart,
        Self::PushPowerButton,
        Self::ForceRestart,
        Self::PowerCycle,
        Self::ForceOff,
        Self::Nmi,
    ];

    /// As the schema names it.
    pub fn word(self) -> &'static str {
        match self {
            Self::On => "On",
            Self::ForceOn => "ForceOn",
            Self::GracefulShutdown => "GracefulShutdown",
            Self::GracefulRestart => "GracefulRestart",
            Self::PushPowerButton => "PushPowerButton",
            Self::ForceRestart => "ForceRestart",
            Self::PowerCycle => "PowerCycle",
            Self::ForceOff => "ForceOff",
            Self::Nmi => "Nmi",
        }
    }

    /// Whether the guest can lose work by the one of that name; one that is not known here may.
    pub fn is_destructive(word: &str) -> bool {
        ![
            "On",
            "ForceOn",
            "GracefulShutdown",
            "GracefulRestart",
            "PushPowerButton",
        ]
        .contains(&word)
    }

    /// Why it can't be done to a node whose power is so; `None` if it can.
    pub fn refused(self, mood: Mood) -> Option<&'static str> {
        match (self, mood) {
            (Self::On | Self::ForceOn, Mood::Good) => Some("it is on"),
            (
                Self::GracefulShutdown
                | Self::GracefulRestart
                | Self::ForceRestart
                | Self::PowerCycle
                | Self::ForceOff
                | Self::Nmi,
                Mood::Off | Mood::Bad,
            ) => Some("it is off"),
            _ => None,
        }
    }
}
