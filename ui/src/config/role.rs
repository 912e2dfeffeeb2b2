//! Roles of a theme, as the config names them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::theme::{Look, Theme};

/// A role of a theme.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "themes say what they are")]
pub enum Role {
    Text,
    Muted,
    Title,
    Border,
    Focus,
    Selected,
    Marked,
    Good,
    Busy,
    Bad,
    Warn,
    Off,
    Key,
    Bar,
    Mode,
    Link,
    Path,
    Name,
    String,
    Number,
    Reference,
    Match,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 22] = [
        Self::Text,
        Self::Muted,
        Self::Title,
        Self::Border,
        Self::Focus,
        Self::Selected,
        Self::Marked,
        Self::Good,
        Self::Busy,
        Self::Bad,
        Self::Warn,
        Self::Off,
        Self::Key,
        Self::Bar,
        Self::Mode,
        Self::Link,
        Self::Path,
        Self::Name,
        Self::String,
        Self::Number,
        Self::Reference,
        Self::Match,
    ];

    /// What it looks like in a theme.
    pub fn of(self, theme: &mut Theme) -> &mut Look {
        match self {
            Self::Text => &mut theme.text,
            Self::Muted => &mut theme.muted,
            Self::Title => &mut theme.title,
            Self::Border => &mut theme.border,
            Self::Focus => &mut theme.focus,
            Self::Selected => &mut theme.selected,
            Self::Marked => &mut theme.marked,
            Self::Good => &mut theme.good,
            Self::Busy => &mut theme.busy,
            Self::Bad => &mut theme.bad,
            Self::Warn => &mut theme.warn,
            Self::Off => &mut theme.off,
            Self::Key => &mut theme.key,
            Self::Bar => &mut theme.bar,
            Self::Mode => &mut theme.mode,
            Self::Link => &mut theme.link,
            Self::Path => &mut theme.path,
            Self::Name => &mut theme.name,
            Self::String => &mut theme.string,
            Self::Number => &mut theme.number,
            Self::Reference => &mut theme.reference,
            Self::Match => &mut theme.found,
        }
    }
}
