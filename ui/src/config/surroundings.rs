//! Where and how the console runs.

use std::env;

use crate::theme::ThemeName;

/// Where and how the console runs: command line, environment, the lab.
#[derive(Clone, Copy, Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "independent options")]
pub struct Surroundings {
    /// `--theme`.
    pub theme: Option<ThemeName>,
    /// `--ascii`.
    pub ascii: bool,
    /// `--readonly`.
    pub readonly: bool,
    /// NO_COLOR is set.
    pub no_colour: bool,
    /// The locale has no UTF-8.
    pub plain_locale: bool,
    /// The lab is reached by its unix socket.
    pub local: bool,
}

impl Surroundings {
    /// What the environment says.
    pub fn from_environment() -> Self {
        let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| set(name));
        let locale = locale
            .map(|locale| locale.to_string_lossy().to_lowercase())
            .unwrap_or_default();
        Self {
            no_colour: set("NO_COLOR").is_some(),
            // No locale at all is common in containers, on terminals that can do UTF-8.
            plain_locale: matches!(locale.as_str(), "c" | "posix"),
            ..Self::default()
        }
    }
}
