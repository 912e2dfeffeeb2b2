//! How a console begins and ends.

use jiff::tz::TimeZone;

use crate::{
    keymap::Keymap,
    theme::{Theme, ThemeName},
};

/// How the console ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The lab goes on.
    Detached,
    /// The lab was taken down, or ended by itself.
    Ended,
    /// The engine that was started for this console failed; why.
    Failed(String),
}

/// What is chosen once and for all.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "independent options")]
pub struct Settings {
    /// What things look like.
    pub theme: Theme,
    /// The theme that is based on.
    pub theme_name: ThemeName,
    /// ASCII only.
    pub ascii: bool,
    /// Nothing can be changed.
    pub readonly: bool,
    /// What the keys do.
    pub keymap: Keymap,
    /// Whether this console takes the mouse.
    pub mouse: bool,
    /// Whether the lab runs on this host and can be told to end.
    pub local: bool,
    /// Where the clock is that times are told by.
    pub zone: TimeZone,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            theme: Theme::named(ThemeName::Default),
            theme_name: ThemeName::Default,
            ascii: false,
            readonly: false,
            keymap: Keymap::default(),
            mouse: true,
            local: true,
            zone: TimeZone::system(),
        }
    }
}
