//! The console's model with a screen in memory.

// Not every test uses all of it.
#![allow(dead_code)]

use std::fmt::Write as _;

use crossterm::event::Event;
use placemat2_ui::{
    key::Key,
    model::{Model, Settings},
    msg::{Effect, Msg},
    testing::{self, Shape},
    theme::{Theme, ThemeName},
    update::update,
    view,
};
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Color, Modifier},
};

/// Sizes of screens: the smallest with all parts, the usual one, a big one.
pub const SIZES: [(u16, u16); 3] = [(80, 24), (120, 30), (200, 60)];

/// Settings with that theme.
pub fn settings(theme: ThemeName) -> Settings {
    Settings {
        theme: Theme::named(theme),
        theme_name: theme,
        ..Settings::default()
    }
}

/// A model with a screen in memory.
pub struct Screen {
    pub model: Model,
}

impl Screen {
    /// The console on a made-up lab.
    pub fn new(shape: Shape, settings: Settings, size: (u16, u16)) -> Self {
        Self {
            model: testing::model(shape, settings, size),
        }
    }

    /// The console before anything is known.
    pub fn empty(settings: Settings, size: (u16, u16)) -> Self {
        Self {
            model: Model::new(settings, size, testing::NOW.parse().unwrap()),
        }
    }

    /// Types keys; the effects of the last one.
    pub fn keys(&mut self, keys: &[&str]) -> Vec<Effect> {
        let mut effects = Vec::new();
        for key in keys {
            let key: Key = key.parse().unwrap();
            effects = self.event(Event::Key(key.event()));
        }
        effects
    }

    /// Types a text.
    pub fn text_keys(&mut self, text: &str) {
        for c in text.chars() {
            self.event(Event::Key(Key::char(c).event()));
        }
    }

    /// Something comes from the terminal.
    pub fn event(&mut self, event: Event) -> Vec<Effect> {
        self.message(Msg::Input(event))
    }

    /// Something happens. BMCs that are asked for something answer at once.
    pub fn message(&mut self, msg: Msg) -> Vec<Effect> {
        let effects = update(&mut self.model, msg);
        testing::serve(&mut self.model, &effects);
        effects
    }

    /// The cells of the screen.
    pub fn buffer(&self) -> Buffer {
        let (width, height) = self.model.size;
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        view::draw(&self.model, &mut buffer);
        buffer
    }

    /// What the screen says.
    pub fn text(&self) -> String {
        let buffer = self.buffer();
        let mut text = String::new();
        for row in buffer.content.chunks(usize::from(buffer.area.width).max(1)) {
            let row: String = row.iter().map(ratatui::buffer::Cell::symbol).collect();
            text.push_str(row.trim_end());
            text.push('\n');
        }
        text
    }

    /// What the screen looks like: each run of cells that look other than plain.
    pub fn looks(&self) -> String {
        let buffer = self.buffer();
        let mut looks = String::new();
        for (y, row) in buffer.content.chunks(usize::from(buffer.area.width).max(1)).enumerate() {
            let mut x = 0;
            while let Some(cell) = row.get(x) {
                let look = (cell.fg, cell.bg, cell.modifier);
                let end = x + row[x..]
                    .iter()
                    .take_while(|other| (other.fg, other.bg, other.modifier) == look)
                    .count();
                if look != (Color::Reset, Color::Reset, Modifier::empty()) {
                    writeln!(
                        looks,
                        "{y:2} {x:3}-{:3} {:?} on {:?} {:?}",
                        end - 1,
                        look.0,
                        look.1,
                        look.2
                    )
                    .unwrap();
                }
                x = end;
            }
        }
        looks
    }

    /// Whether no cell has a colour.
    pub fn is_colourless(&self) -> bool {
        self.buffer()
            .content
            .iter()
            .all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset)
    }
}
