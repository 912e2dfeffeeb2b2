//! Themes: what each role on the screen looks like, as data.

use std::{fmt, str::FromStr};

use ratatui::style::{Color, Modifier, Style};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The themes that come with the program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ThemeName {
    /// The terminal's own 16 colours.
    #[default]
    Default,
    /// For bright backgrounds.
    Light,
    /// White on black, states in bright colours.
    HighContrast,
    /// No colour.
    Mono,
}

impl ThemeName {
    /// Every theme.
    pub const ALL: [Self; 4] = [Self::Default, Self::Light, Self::HighContrast, Self::Mono];

    /// Its name as the config and the command line have it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Light => "light",
            Self::HighContrast => "high-contrast",
            Self::Mono => "mono",
        }
    }

    fn source(self) -> &'static str {
        match self {
            Self::Default => include_str!("../../assets/themes/default.yml"),
            Self::Light => include_str!("../../assets/themes/light.yml"),
            Self::HighContrast => include_str!("../../assets/themes/high-contrast.yml"),
            Self::Mono => include_str!("../../assets/themes/mono.yml"),
        }
    }
}

impl FromStr for ThemeName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = Self::ALL.map(Self::word).join(", ");
        let found = Self::ALL.into_iter().find(|name| name.word() == text);
        found.ok_or_else(|| format!("{text:?} is no theme: there are {names}"))
    }
}

/// What each role looks like.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Theme {
    /// What has no other role.
    pub text: Look,
    /// What matters least: headings of columns, units, hints.
    pub muted: Look,
    /// Titles.
    pub title: Look,
    /// Borders of what has not the keyboard.
    pub border: Look,
    /// Border and title of what has it.
    pub focus: Look,
    /// The selected row.
    pub selected: Look,
    /// What was marked.
    pub marked: Look,
    /// On, ready, running.
    pub good: Look,
    /// On its way.
    pub busy: Look,
    /// Failed.
    pub bad: Look,
    /// What may have to be looked at.
    pub warn: Look,
    /// Off, and meant to be.
    pub off: Look,
    /// Names of keys.
    pub key: Look,
    /// Key bar and status line.
    pub bar: Look,
    /// The badge of the mode.
    pub mode: Look,
    /// Links of the topology.
    pub link: Look,
    /// The path between two marked objects.
    pub path: Look,
    /// Names of members of JSON.
    pub name: Look,
    /// Texts in JSON.
    pub string: Look,
    /// Numbers, true, false and null in JSON.
    pub number: Look,
    /// Resources that can be gone to.
    pub reference: Look,
    /// What a search found.
    #[serde(rename = "match")]
    pub found: Look,
}

impl Theme {
    /// The theme of that name.
    pub fn named(name: ThemeName) -> Self {
        // The files are part of the program, and a test reads each; a look of its own for the impossible case.
        serde_yaml::from_str(name.source()).unwrap_or_else(|_| Self::plain())
    }

    fn plain() -> Self {
        let plain = Look::default();
        Self {
            text: plain,
            muted: plain,
            title: plain,
            border: plain,
            focus: plain,
            selected: plain,
            marked: plain,
            good: plain,
            busy: plain,
            bad: plain,
            warn: plain,
            off: plain,
            key: plain,
            bar: plain,
            mode: plain,
            link: plain,
            path: plain,
            name: plain,
            string: plain,
            number: plain,
            reference: plain,
            found: plain,
        }
    }
}

/// Colours and attributes, written as `COLOUR`, `COLOUR on COLOUR`, with `bold`, `underlined`, `reversed` or `italic`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Look(Style);

impl Look {
    /// As the drawing library takes it.
    pub fn style(self) -> Style {
        self.0
    }
}

impl From<Look> for Style {
    fn from(look: Look) -> Self {
        look.0
    }
}

const COLOURS: [(&str, Color); 17] = [
    ("default", Color::Reset),
    ("black", Color::Black),
    ("red", Color::Red),
    ("green", Color::Green),
    ("yellow", Color::Yellow),
    ("blue", Color::Blue),
    ("magenta", Color::Magenta),
    ("cyan", Color::Cyan),
    ("gray", Color::Gray),
    ("dark-gray", Color::DarkGray),
    ("light-red", Color::LightRed),
    ("light-green", Color::LightGreen),
    ("light-yellow", Color::LightYellow),
    ("light-blue", Color::LightBlue),
    ("light-magenta", Color::LightMagenta),
    ("light-cyan", Color::LightCyan),
    ("white", Color::White),
];

/// Attributes. There is no `dim`: terminals make it anything from bold to invisible.
const MODIFIERS: [(&str, Modifier); 4] = [
    ("bold", Modifier::BOLD),
    ("underlined", Modifier::UNDERLINED),
    ("reversed", Modifier::REVERSED),
    ("italic", Modifier::ITALIC),
];

fn colour(word: &str) -> Option<Color> {
    if let Some((_, colour)) = COLOURS.iter().find(|(name, _)| *name == word) {
        return Some(*colour);
    }
    let digits = word.strip_prefix('#').filter(|digits| digits.len() == 6)?;
    u32::from_str_radix(digits, 16).ok().map(Color::from_u32)
}

impl FromStr for Look {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut style = Style::new();
        let mut background = false;
        for word in text.split_whitespace() {
            if word == "on" {
                background = true;
            } else if let Some(colour) = colour(word) {
                style = if std::mem::take(&mut background) {
                    style.bg(colour)
                } else {
                    style.fg(colour)
                };
            } else if let Some((_, modifier)) = MODIFIERS.iter().find(|(name, _)| *name == word) {
                style = style.add_modifier(*modifier);
            } else {
                return Err(format!(
                    "{word:?} is neither a colour (default, black, red, … or #RRGGBB) nor bold, underlined, reversed or italic"
                ));
            }
        }
        Ok(Self(style))
    }
}

impl fmt::Display for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = Vec::new();
        let name = |colour: Color| match COLOURS.iter().find(|(_, known)| *known == colour) {
            Some((name, _)) => (*name).to_owned(),
            None => colour.to_string().to_lowercase(),
        };
        words.extend(self.0.fg.map(name));
        words.extend(self.0.bg.map(|colour| format!("on {}", name(colour))));
        let modifiers = MODIFIERS
            .iter()
            .filter(|(_, modifier)| self.0.add_modifier.contains(*modifier));
        words.extend(modifiers.map(|(name, _)| (*name).to_owned()));
        if words.is_empty() {
            words.push("default".into());
        }
        f.write_str(&words.join(" "))
    }
}

impl Serialize for Look {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Look {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Look {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Look".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "COLOUR, COLOUR on COLOUR; bold, underlined, reversed, italic",
            "examples": ["green", "black on yellow bold"],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_theme_can_be_read_and_is_written_as_it_reads() {
        for name in ThemeName::ALL {
            let theme: Theme = serde_yaml::from_str(name.source()).unwrap();
            let again: Theme = serde_yaml::from_str(&serde_yaml::to_string(&theme).unwrap()).unwrap();
            assert_eq!(theme, again, "{}", name.word());
            assert_eq!(name.word().parse(), Ok(name));
        }
    }

    #[test]
    fn looks_as_people_write_them() {
        let look: Look = "#ff8000 on black bold".parse().unwrap();
        assert_eq!(look.to_string(), "#ff8000 on black bold");
        assert!("grean".parse::<Look>().unwrap_err().contains("grean"));
        assert!("dim".parse::<Look>().is_err());
    }
}
