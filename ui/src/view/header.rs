//! Where one is: the lab, how it is, and the views.

use ratatui::{buffer::Buffer, layout::Rect};
use unicode_width::UnicodeWidthStr as _;

use super::panel::{self, Line};
use crate::{
    action::View,
    glyph::{Mood, State, clean},
    model::{Model, mirror::Connection},
};

/// Draws the header.
pub fn draw(model: &Model, area: Rect, buffer: &mut Buffer) {
    let mut parts = left(model);
    for (view, title) in titles(model, area.width) {
        let theme = &model.settings.theme;
        let current = model.view == view;
        parts.push((format!(" {title} "), if current { theme.mode } else { theme.bar }));
    }
    panel::lines(buffer, area, &[parts]);
}

/// The lab and how it is.
fn left(model: &Model) -> Line {
    let theme = &model.settings.theme;
    let ascii = model.settings.ascii;
    let phase = State::from(model.mirror.state.lab.phase);
    let told = |mood, word| State { mood, word };
    let state = match &model.mirror.connection {
        Connection::Connecting => told(Mood::Busy, "connecting"),
        Connection::Connected if !model.mirror.known => told(Mood::Busy, "connected"),
        Connection::Connected => phase,
        Connection::Lost(_) => told(Mood::Bad, "connection lost"),
        Connection::Ended if model.failure.is_some() => told(Mood::Bad, "failed"),
        Connection::Ended => told(Mood::Off, "ended"),
    };
    let name: String = clean(model.mirror.name()).chars().take(24).collect();
    vec![
        (format!(" {name} "), theme.title),
        (format!("{}  ", state.text(ascii)), state.mood.look(theme)),
    ]
}

/// The views with what they are called where there is that much room.
fn titles(model: &Model, width: u16) -> Vec<(View, String)> {
    let used: usize = left(model).iter().map(|(text, _)| text.width()).sum();
    let fits = |titles: &Vec<(View, String)>| {
        let needed: usize = titles.iter().map(|(_, title)| title.len() + 2).sum();
        used + needed <= usize::from(width)
    };
    let titled = |word: fn(View) -> &'static str| {
        let titles = View::ALL
            .iter()
            .map(|view| (*view, format!("{} {}", view.number(), word(*view))));
        titles.collect::<Vec<_>>()
    };
    if let Some(titles) = [View::title, View::short].map(titled).into_iter().find(fits) {
        return titles;
    }
    let short = |view: &View| {
        if *view == model.view {
            format!("{} {}", view.number(), view.title())
        } else {
            view.number().to_string()
        }
    };
    View::ALL.iter().map(|view| (*view, short(view))).collect()
}

/// The view whose title is at that column.
pub fn view_at(model: &Model, column: u16) -> Option<View> {
    let mut x: usize = left(model).iter().map(|(text, _)| text.width()).sum();
    for (view, title) in titles(model, model.size.0) {
        let end = x + title.width() + 2;
        if (x..end).contains(&usize::from(column)) {
            return Some(view);
        }
        x = end;
    }
    None
}
