//! What the config says, and what follows from it.

use std::{
    collections::BTreeMap,
    env,
    path::{Path, PathBuf},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Keys, Role, Surroundings};
use crate::{
    action::View,
    keymap::Keymap,
    model::Settings,
    theme::{Look, Theme, ThemeName},
};

/// What the console is to be like.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    /// The theme; mono where NO_COLOR is set.
    pub theme: ThemeName,
    /// Looks that differ from the theme's, by role.
    pub looks: BTreeMap<Role, Look>,
    /// ASCII instead of box characters; by default if the locale is not UTF-8.
    pub ascii: Option<bool>,
    /// Whether the terminal's mouse goes to the console.
    pub mouse: Option<bool>,
    /// The view to begin with.
    pub start_view: StartView,
    /// Keys by scope and action, as the console's help lists them. An empty list takes all keys from an action.
    #[schemars(with = "BTreeMap<String, BTreeMap<String, Vec<String>>>")]
    pub keys: Keys,
}

/// A view to begin with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "they say what they are")]
pub enum StartView {
    #[default]
    Topology,
    Nodes,
    Networks,
    Namespaces,
    Consoles,
    Bmc,
    Events,
}

impl From<StartView> for View {
    fn from(view: StartView) -> Self {
        match view {
            StartView::Topology => Self::Topology,
            StartView::Nodes => Self::Nodes,
            StartView::Networks => Self::Networks,
            StartView::Namespaces => Self::Namespaces,
            StartView::Consoles => Self::Consoles,
            StartView::Bmc => Self::Bmc,
            StartView::Events => Self::Events,
        }
    }
}

impl Config {
    /// Where the user's config is, if there is a home for it.
    pub fn path() -> Option<PathBuf> {
        let base = env::var_os("XDG_CONFIG_HOME")
            .filter(|base| Path::new(base).is_absolute())
            .map(PathBuf::from);
        let base = base.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".config")))?;
        Some(base.join("placemat2/config.yml"))
    }

    /// The config with everything in it that it leaves to the defaults.
    #[must_use]
    pub fn complete(&self) -> Self {
        let settings = self.settings(&Surroundings::default());
        let theme = settings.theme;
        let looks = Role::ALL.map(|role| (role, *role.of(&mut theme.clone())));
        Self {
            theme: self.theme,
            looks: looks.into(),
            ascii: Some(settings.ascii),
            mouse: Some(settings.mouse),
            start_view: self.start_view,
            keys: Keys::of(&settings.keymap),
        }
    }

    /// The config as YAML.
    pub fn to_yaml(&self) -> Result<String, String> {
        let yaml = serde_yaml::to_string(&self.complete()).map_err(|error| error.to_string())?;
        Ok(format!(
            "# What the console is like. Put what is to differ into ~/.config/placemat2/config.yml.\n{yaml}"
        ))
    }

    /// The JSON Schema of configs.
    pub fn schema() -> serde_json::Value {
        schemars::schema_for!(Config).into()
    }

    /// What follows from the config and from where the console runs.
    pub fn settings(&self, surroundings: &Surroundings) -> Settings {
        let theme_name = surroundings.theme.unwrap_or(if surroundings.no_colour {
            ThemeName::Mono
        } else {
            self.theme
        });
        let mut theme = Theme::named(theme_name);
        if theme_name == self.theme {
            for (role, look) in &self.looks {
                *role.of(&mut theme) = *look;
            }
        }
        let mut keymap = Keymap::default();
        for (entry, keys) in &self.keys.0 {
            keymap.bind(entry, keys.clone());
        }
        Settings {
            theme,
            theme_name,
            ascii: surroundings.ascii || self.ascii.unwrap_or(surroundings.plain_locale),
            readonly: surroundings.readonly,
            keymap,
            mouse: self.mouse.unwrap_or(true),
            local: surroundings.local,
            ..Settings::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_colour_means_mono_unless_a_theme_is_asked_for() {
        let plain = Surroundings {
            no_colour: true,
            ..Surroundings::default()
        };
        assert_eq!(Config::default().settings(&plain).theme_name, ThemeName::Mono);
        let asked = Surroundings {
            theme: Some(ThemeName::Light),
            ..plain
        };
        assert_eq!(Config::default().settings(&asked).theme_name, ThemeName::Light);
    }
}
