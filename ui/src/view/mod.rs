//! What the screen looks like: functions of the model, one file per part, that write into a buffer of cells and nothing else.

pub mod bmc;
pub mod consoles;
mod events;
pub mod exchange;
mod explorer;
mod form;
pub mod header;
mod log;
pub mod menu;
mod namespaces;
pub mod networks;
pub mod nodes;
mod panel;
pub mod popups;
pub mod status;
pub mod strip;
pub mod table;
mod topology;

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use crate::{
    action::View,
    areas::{Room, areas},
    model::Model,
};

/// Draws the whole screen; returns where the cursor is to be shown.
pub fn draw(model: &Model, buffer: &mut Buffer) -> Option<Position> {
    let whole = Rect::new(0, 0, model.size.0, model.size.1).intersection(*buffer.area());
    buffer.set_style(whole, model.settings.theme.text);
    let areas = areas(model);
    if areas.room == Room::TooSmall {
        too_small(model, whole, buffer);
        return None;
    }
    header::draw(model, areas.header, buffer);
    strip::draw(model, areas.strip, buffer);
    let mut cursor = None;
    match model.view {
        View::Topology => topology::draw(model, areas.main, areas.side, buffer),
        View::Nodes => nodes::draw(model, areas.main, areas.side, buffer),
        View::Networks => networks::draw(model, areas.main, areas.side, buffer),
        View::Namespaces => namespaces::draw(model, areas.main, areas.side, buffer),
        View::Consoles => cursor = consoles::draw(model, areas.main, buffer),
        View::Bmc => bmc::draw(model, areas.main, areas.side, buffer),
        View::Events => events::draw(model, areas.main, areas.side, buffer),
    }
    status::keys(model, areas.keys, buffer);
    let typed = status::draw(model, areas.status, buffer);
    let popup = popups::draw(model, areas.over.intersection(whole), buffer);
    if model.popups.is_empty() {
        typed.or(cursor)
    } else {
        popup
    }
}

fn too_small(model: &Model, area: Rect, buffer: &mut Buffer) {
    let (width, height) = model.size;
    let lines = [
        "The screen is too small:".to_owned(),
        format!("{width}x{height}, of 40x8 at least."),
    ];
    let top = area.height.saturating_sub(2) / 2;
    for (line, y) in lines.iter().zip(area.y + top..area.bottom()) {
        let x = area.x + area.width.saturating_sub(u16::try_from(line.len()).unwrap_or(0)) / 2;
        panel::text(
            buffer,
            Rect::new(x, y, area.right().saturating_sub(x), 1),
            line,
            model.settings.theme.text,
        );
    }
}
