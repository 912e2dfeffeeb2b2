//! The user's config: what the console is to be like, as far as it differs from the defaults.

use std::{
    collections::BTreeMap,
    env, fmt, fs, io,
    path::{Path, PathBuf},
};

use schemars::JsonSchema;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeSeed, Error as _, MapAccess, Visitor},
};

use crate::{
    action::{Entry, Scope, View, entries},
    key::Key,
    keymap::Keymap,
    model::Settings,
    theme::{Look, Theme, ThemeName},
};

/// What the console is to be like.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
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
    fn of(self, theme: &mut Theme) -> &mut Look {
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

/// Keys by scope and action.
#[derive(Clone, Debug, Default)]
pub struct Keys(Vec<(&'static Entry, Vec<Key>)>);

impl Keys {
    /// Every action with the keys it has unless a config says otherwise.
    fn of(keymap: &Keymap) -> Self {
        Self(entries().map(|entry| (entry, keymap.keys(entry).to_vec())).collect())
    }
}

impl Serialize for Keys {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut scopes: BTreeMap<&str, BTreeMap<&str, Vec<String>>> = BTreeMap::new();
        for (entry, keys) in &self.0 {
            let keys = keys.iter().map(ToString::to_string).collect();
            scopes.entry(entry.scope.word()).or_default().insert(entry.name, keys);
        }
        scopes.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Scopes)
    }
}

/// Reads scopes. A mistake is told where it is, which only works while the text is read.
struct Scopes;

impl<'de> Visitor<'de> for Scopes {
    type Value = Keys;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("scopes with the keys of their actions")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
        let mut keys = Keys::default();
        while let Some(name) = map.next_key::<String>()? {
            let scope = Scope::ALL.into_iter().find(|scope| scope.word() == name);
            let scope = scope.ok_or_else(|| {
                A::Error::custom(format!(
                    "there is no scope {name:?}: there are {}",
                    Scope::ALL.map(Scope::word).join(", ")
                ))
            })?;
            map.next_value_seed(Actions(scope, &mut keys))?;
        }
        Ok(keys)
    }
}

struct Actions<'a>(Scope, &'a mut Keys);

impl<'de> DeserializeSeed<'de> for Actions<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Actions<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("actions with lists of keys")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self(scope, keys) = self;
        while let Some(name) = map.next_key::<String>()? {
            let in_scope = || entries().filter(|entry| entry.scope == scope);
            let entry = in_scope().find(|entry| entry.name == name);
            let entry = entry.ok_or_else(|| {
                let similar = in_scope()
                    .max_by(|one, other| strsim::jaro(one.name, &name).total_cmp(&strsim::jaro(other.name, &name)));
                let hint = similar
                    .map(|entry| format!(": do you mean {:?}?", entry.name))
                    .unwrap_or_default();
                A::Error::custom(format!(
                    "there is no action {name:?} in the scope {}{hint}",
                    scope.word()
                ))
            })?;
            let texts: Vec<String> = map.next_value()?;
            let parsed = texts
                .iter()
                .map(|text| text.parse().map_err(A::Error::custom))
                .collect::<Result<_, _>>()?;
            keys.0.push((entry, parsed));
        }
        Ok(())
    }
}

/// A config that can't be used, with its place.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It can't be read.
    #[error("{path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It says something that can't be understood.
    #[error("{path}{place}: {message}")]
    Text {
        /// The file.
        path: PathBuf,
        /// `:LINE:COLUMN`, if it is known.
        place: String,
        /// What is wrong.
        message: String,
    },
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

    /// Reads the user's config; there need not be one.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => {
                return Err(ConfigError::Read {
                    path: path.to_owned(),
                    source,
                });
            }
        };
        Self::parse(&text, path)
    }

    fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        if text
            .lines()
            .all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'))
        {
            return Ok(Self::default());
        }
        serde_yaml::from_str(text).map_err(|error| {
            let place = error
                .location()
                .map(|place| format!(":{}:{}", place.line(), place.column()));
            let message = error.to_string();
            // The place is told in front, as compilers do.
            let message = message.split(" at line ").next().unwrap_or(&message).to_owned();
            ConfigError::Text {
                path: path.to_owned(),
                place: place.unwrap_or_default(),
                message,
            }
        })
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

impl Role {
    const ALL: [Self; 22] = [
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
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::Action;

    fn parse(text: &str) -> Result<Config, String> {
        Config::parse(text, Path::new("config.yml")).map_err(|error| error.to_string())
    }

    #[test]
    fn a_config_patches_the_defaults() {
        let config =
            parse("theme: light\nlooks:\n  bad: white on red\nkeys:\n  global:\n    detach: [ctrl-x]\n    quit: []\n")
                .unwrap();
        let settings = config.settings(&Surroundings::default());
        assert_eq!(settings.theme.bad.to_string(), "white on red");
        assert_eq!(
            settings.keymap.action(&[Scope::Global], "ctrl-x".parse().unwrap()),
            Some(Action::Detach)
        );
        assert_eq!(settings.keymap.action(&[Scope::Global], Key::char('q')), None);
    }

    #[test]
    fn mistakes_have_a_place() {
        let cases = [
            ("theme: pink\n", "config.yml:1:"),
            ("mouse: true\nkeys:\n  global:\n    detatch: [x]\n", "detach"),
            ("keys:\n  nodes:\n    open: [hyper-x]\n", "config.yml:3:"),
            ("keys:\n  everywhere: {}\n", "there is no scope"),
            ("colour: true\n", "unknown field"),
        ];
        for (text, expected) in cases {
            let error = parse(text).unwrap_err();
            assert!(error.contains(expected) && error.starts_with("config.yml:"), "{error}");
        }
        assert!(parse("# nothing\n\n").is_ok());
    }

    #[test]
    fn what_is_dumped_is_a_config_that_changes_nothing() {
        let dumped = Config::default().to_yaml().unwrap();
        let again = parse(&dumped).unwrap();
        assert_eq!(again.to_yaml().unwrap(), dumped);
    }

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
