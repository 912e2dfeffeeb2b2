//! The lines of the power menu.

use super::{Boot, Reset, Verb};
use crate::glyph::Mood;

/// What can be asked of a node's power: of the lab, or of the node's BMC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Demand {
    /// Something of the lab.
    Verb(Verb),
    /// To boot from something, of the BMC.
    Boot(Boot),
    /// A reset, of the BMC.
    Reset(Reset),
}

impl Demand {
    /// Every line, in the order of the menu.
    pub fn all() -> impl Iterator<Item = Self> {
        let verbs = Verb::ALL.into_iter().map(Self::Verb);
        let boots = Boot::ALL.into_iter().map(Self::Boot);
        verbs.chain(boots).chain(Reset::ALL.into_iter().map(Self::Reset))
    }

    /// The heading of the lines that begin with this one.
    pub fn heading(self) -> Option<&'static str> {
        match self {
            Self::Boot(Boot::Pxe) => Some("The BMC is told to"),
            Self::Reset(Reset::On) => Some("Resets of the BMC, over Redfish"),
            _ => None,
        }
    }

    /// What it is called while it is under way and on the button that confirms it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Verb(verb) => verb.word(),
            Self::Boot(boot) => boot.does(),
            Self::Reset(reset) => reset.word(),
        }
    }

    /// What it does, for the menu.
    pub fn does(self) -> &'static str {
        match self {
            Self::Verb(verb) => verb.does(),
            Self::Boot(boot) => boot.does(),
            Self::Reset(reset) => reset.word(),
        }
    }

    /// Its key in the menu; what has none is gone to.
    pub fn key(self) -> Option<char> {
        match self {
            Self::Verb(verb) => Some(verb.key()),
            Self::Boot(boot) => Some(boot.key()),
            Self::Reset(_) => None,
        }
    }

    /// Whether it is the BMC that is asked.
    pub fn needs_bmc(self) -> bool {
        !matches!(self, Self::Verb(_))
    }

    /// Whether the guest can lose work by it.
    pub fn is_destructive(self) -> bool {
        match self {
            Self::Verb(verb) => verb.is_destructive(),
            Self::Boot(_) => false,
            Self::Reset(reset) => Reset::is_destructive(reset.word()),
        }
    }

    /// Why it can't be done to a node whose power is so; `None` if it can.
    pub fn refused(self, mood: Mood) -> Option<&'static str> {
        match self {
            Self::Verb(verb) => verb.refused(mood),
            Self::Boot(_) => None,
            Self::Reset(reset) => reset.refused(mood),
        }
    }
}
