//! What can be asked of a node's power.

use crate::glyph::Mood;

/// What can be asked of a node's power.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Power on.
    On,
    /// Ask the guest to shut down.
    Shutdown,
    /// Cut the power.
    Off,
    /// Press the reset button.
    Reset,
    /// Cut the power and power on.
    Cycle,
    /// Send a non-maskable interrupt.
    Nmi,
    /// Press the power button.
    Push,
}

impl Verb {
    /// Every verb, in the order of the menu.
    pub const ALL: [Self; 7] = [
        Self::On,
        Self::Shutdown,
        Self::Push,
        Self::Reset,
        Self::Cycle,
        Self::Off,
        Self::Nmi,
    ];

    /// As the API and `pmctl2 node action` name it.
    pub fn word(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Shutdown => "shutdown",
            Self::Off => "off",
            Self::Reset => "reset",
            Self::Cycle => "cycle",
            Self::Nmi => "nmi",
            Self::Push => "push",
        }
    }

    /// What it does, for the menu.
    pub fn does(self) -> &'static str {
        match self {
            Self::On => "power on",
            Self::Shutdown => "shut down (the guest does it)",
            Self::Push => "press the power button",
            Self::Reset => "reset",
            Self::Cycle => "power off and on",
            Self::Off => "force off",
            Self::Nmi => "send an NMI",
        }
    }

    /// Its key in the menu.
    pub fn key(self) -> char {
        match self {
            Self::On => 'o',
            Self::Shutdown => 's',
            Self::Push => 'b',
            Self::Reset => 'r',
            Self::Cycle => 'c',
            Self::Off => 'f',
            Self::Nmi => 'n',
        }
    }

    /// Whether the guest can lose work by it.
    pub fn is_destructive(self) -> bool {
        matches!(self, Self::Off | Self::Reset | Self::Cycle | Self::Nmi)
    }

    /// Why it can't be done to a node whose power is so; `None` if it can.
    pub fn refused(self, mood: Mood) -> Option<&'static str> {
        match (self, mood) {
            (Self::On, Mood::Good) => Some("it is on"),
            (Self::On, Mood::Busy) => Some("it is on its way"),
            (Self::Shutdown | Self::Reset | Self::Off | Self::Nmi, Mood::Off | Mood::Bad) => Some("it is off"),
            _ => None,
        }
    }
}
