//! Reading a config: each value by itself, so that a mistake costs that value only.

use std::{fs, io, path::Path};

use serde::de::DeserializeOwned;
use serde_yaml::Value;

use super::{
    Config, Mistake,
    keys::{action, nearest, scope},
    place::{Places, places},
};
use crate::key::Key;

/// The keys of a config.
const OPTIONS: [&str; 6] = ["theme", "looks", "ascii", "mouse", "start-view", "keys"];

impl Config {
    /// Reads the user's config, as far as it can be understood; there need not be one.
    pub fn read(path: &Path) -> (Self, Vec<Mistake>) {
        match fs::read_to_string(path) {
            Ok(text) => Self::parse(&text, path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => (Self::default(), Vec::new()),
            Err(error) => {
                let mistake = Mistake {
                    path: path.to_owned(),
                    place: None,
                    message: error.to_string(),
                };
                (Self::default(), vec![mistake])
            }
        }
    }

    fn parse(text: &str, path: &Path) -> (Self, Vec<Mistake>) {
        let mut reader = Reader {
            path,
            places: places(text),
            config: Self::default(),
            mistakes: Vec::new(),
        };
        match serde_yaml::from_str(text) {
            Ok(Value::Null) => {}
            Ok(Value::Mapping(options)) => {
                for (name, value) in options {
                    reader.option(&word(&name), value);
                }
            }
            Ok(_) => reader.mistake(&[], "a config has options with values, such as `theme: light`".into()),
            // Where the text is no YAML, nothing in it has a meaning.
            Err(error) => {
                let place = error.location().map(|place| (place.line(), place.column()));
                reader.mistakes.push(Mistake {
                    path: path.to_owned(),
                    place,
                    message: unplaced(&error),
                });
            }
        }
        (reader.config, reader.mistakes)
    }
}

struct Reader<'a> {
    path: &'a Path,
    places: Places,
    config: Config,
    mistakes: Vec<Mistake>,
}

impl Reader<'_> {
    fn mistake(&mut self, way: &[&str], message: String) {
        let way: Vec<String> = way.iter().map(|&key| key.to_owned()).collect();
        self.mistakes.push(Mistake {
            path: self.path.to_owned(),
            place: self.places.get(&way).copied(),
            message,
        });
    }

    fn option(&mut self, name: &str, value: Value) {
        match name {
            "theme" => self.config.theme = self.value(&[name], value).unwrap_or_default(),
            "ascii" => self.config.ascii = self.value(&[name], value).unwrap_or_default(),
            "mouse" => self.config.mouse = self.value(&[name], value).unwrap_or_default(),
            "start-view" => self.config.start_view = self.value(&[name], value).unwrap_or_default(),
            "looks" => {
                for (role, look) in self.mapping(&[name], value) {
                    let role_name = word(&role);
                    let way = [name, &role_name];
                    if let Some(role) = self.value(&way, role)
                        && let Some(look) = self.value(&way, look)
                    {
                        self.config.looks.insert(role, look);
                    }
                }
            }
            "keys" => {
                for (scope, actions) in self.mapping(&[name], value) {
                    self.keys_of_scope(name, &word(&scope), actions);
                }
            }
            _ => {
                let hint = nearest(OPTIONS.into_iter(), name);
                self.mistake(&[name], format!("there is no option {name:?}{hint}"));
            }
        }
    }

    fn keys_of_scope(&mut self, option: &str, scope_name: &str, actions: Value) {
        let way = [option, scope_name];
        let scope = match scope(scope_name) {
            Ok(scope) => scope,
            Err(message) => return self.mistake(&way, message),
        };
        for (name, keys) in self.mapping(&way, actions) {
            let name = word(&name);
            let way = [option, scope_name, &name];
            match action(scope, &name) {
                Ok(entry) => {
                    if let Some(keys) = self.keys(&way, keys) {
                        self.config.keys.0.push((entry, keys));
                    }
                }
                Err(message) => self.mistake(&way, message),
            }
        }
    }

    /// Keys of an action; `None` if all that is there is wrong. An empty list is meant.
    fn keys(&mut self, way: &[&str], value: Value) -> Option<Vec<Key>> {
        let texts: Vec<String> = self.value(way, value)?;
        let mut keys = Vec::new();
        for (index, text) in texts.iter().enumerate() {
            match text.parse::<Key>() {
                Ok(key) => keys.push(key),
                Err(error) => {
                    let index = index.to_string();
                    let way: Vec<&str> = way.iter().copied().chain([index.as_str()]).collect();
                    self.mistake(&way, error.to_string());
                }
            }
        }
        (texts.is_empty() || !keys.is_empty()).then_some(keys)
    }

    /// A value of some type; `None` if it is no such thing.
    fn value<T: DeserializeOwned>(&mut self, way: &[&str], value: Value) -> Option<T> {
        match serde_yaml::from_value(value) {
            Ok(value) => Some(value),
            Err(error) => {
                let last = way.last().copied().unwrap_or_default();
                self.mistake(way, format!("{last}: {}", plain(&unplaced(&error))));
                None
            }
        }
    }

    fn mapping(&mut self, way: &[&str], value: Value) -> Vec<(Value, Value)> {
        match value {
            Value::Null => Vec::new(),
            Value::Mapping(entries) => entries.into_iter().collect(),
            _ => {
                let last = way.last().copied().unwrap_or_default();
                self.mistake(way, format!("{last}: here belong names with values"));
                Vec::new()
            }
        }
    }
}

/// A key as it is written.
fn word(key: &Value) -> String {
    match key {
        Value::String(text) => text.clone(),
        // A bare `on` or `1` is no name here, but it is to be told.
        key => serde_yaml::to_string(key).unwrap_or_default().trim().to_owned(),
    }
}

/// The words of an error without the place, which is told in front, as compilers do.
fn unplaced(error: &serde_yaml::Error) -> String {
    let message = error.to_string();
    message.split(" at line ").next().unwrap_or(&message).to_owned()
}

/// What serde says of a value, in words of those who write configs.
fn plain(message: &str) -> String {
    let told = |kind| message.strip_prefix(kind)?.split_once(", expected ");
    if let Some((wrong, known)) = told("unknown variant ") {
        return format!("there is no {wrong}, but {known}");
    }
    let Some((found, wanted)) = told("invalid type: ") else {
        return message.to_owned();
    };
    let wanted = match wanted {
        "a boolean" => "`true` or `false`",
        "a sequence" => "a list, such as `[enter, ctrl-o]`",
        wanted if wanted.ends_with("enum") => "a name",
        wanted => wanted,
    };
    format!("here belongs {wanted}, not {found}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        action::{Action, Scope},
        config::Surroundings,
    };

    fn parse(text: &str) -> (Config, Vec<String>) {
        let (config, mistakes) = Config::parse(text, Path::new("config.yml"));
        (config, mistakes.iter().map(ToString::to_string).collect())
    }

    fn good(text: &str) -> Config {
        let (config, mistakes) = parse(text);
        assert_eq!(mistakes, Vec::<String>::new());
        config
    }

    #[test]
    fn a_config_patches_the_defaults() {
        let config =
            good("theme: light\nlooks:\n  bad: white on red\nkeys:\n  global:\n    detach: [ctrl-x]\n    quit: []\n");
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
            (
                "theme: pink\n",
                "config.yml:1:1: theme: there is no `pink`, but one of `default`, `light`",
            ),
            (
                "mouse: maybe\n",
                "config.yml:1:1: mouse: here belongs `true` or `false`, not string \"maybe\"",
            ),
            (
                "keys:\n  nodes:\n    open: o\n",
                "config.yml:3:5: open: here belongs a list, such as `[enter, ctrl-o]`, not string \"o\"",
            ),
            (
                "theme: 3\n",
                "config.yml:1:1: theme: here belongs a name, not integer `3`",
            ),
            (
                "start-view: [a]\n",
                "config.yml:1:1: start-view: here belongs a name, not sequence",
            ),
            (
                "mouse: true\nkeys:\n  global:\n    detatch: [x]\n",
                "config.yml:4:5: there is no action \"detatch\" in the scope global: do you mean \"detach\"?",
            ),
            (
                "keys:\n  nodes:\n    open: [hyper-x]\n",
                "config.yml:3:12: \"hyper-x\" is no key",
            ),
            ("keys:\n  everywhere: {}\n", "config.yml:2:3: there is no scope"),
            ("keys: 3\n", "config.yml:1:1: keys: here belong names"),
            ("looks:\n  bad: grean\n", "config.yml:2:3: bad: \"grean\" is neither"),
            (
                "looks:\n  baad: red\n",
                "config.yml:2:3: baad: there is no `baad`, but one of",
            ),
            (
                "them: light\n",
                "config.yml:1:1: there is no option \"them\": do you mean \"theme\"?",
            ),
            ("theme: [\n", "config.yml:"),
            ("just words\n", "config.yml:1:1: a config has options"),
        ];
        for (text, expected) in cases {
            let (_, mistakes) = parse(text);
            assert!(
                mistakes.len() == 1 && mistakes[0].starts_with(expected),
                "{expected}: {mistakes:?}"
            );
        }
        good("# nothing\n\n");
    }

    #[test]
    fn a_mistake_costs_nothing_but_what_it_is_about() {
        let (config, mistakes) = parse(
            "theme: pink\nmouse: false\nascii: perhaps\nlooks:\n  bad: grean\n  good: blue\nstart-view: bmc\nkeys:\n  global:\n    detach: [ctrl-x, hyper-y]\n    quit: [hyper-q]\n  nowhere: {}\n",
        );
        assert_eq!(mistakes.len(), 6, "{mistakes:?}");
        let settings = config.settings(&Surroundings::default());
        assert!(!settings.mouse);
        assert_eq!(settings.theme.good.to_string(), "blue");
        assert_eq!(config.start_view, crate::config::StartView::Bmc);
        let does = |key: &str| settings.keymap.action(&[Scope::Global], key.parse().unwrap());
        assert_eq!(does("ctrl-x"), Some(Action::Detach));
        // What has no good key left keeps those that it had.
        assert_eq!(does("q"), Some(Action::Quit));
    }

    #[test]
    fn what_is_dumped_is_a_config_that_changes_nothing() {
        let dumped = Config::default().to_yaml().unwrap();
        assert_eq!(good(&dumped).to_yaml().unwrap(), dumped);
    }
}
