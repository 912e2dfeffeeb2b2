//! How the parts of the screen share it: a pure function of the model that drawing and the mouse both ask.

use ratatui::layout::Rect;

use crate::{
    action::View,
    model::{Model, consoles::PaneId},
    view::strip,
};

/// How much room there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Room {
    /// Nothing useful fits.
    TooSmall,
    /// One part at a time.
    One,
    /// Parts one above the other.
    Stacked,
    /// Parts side by side.
    Full,
}

impl Room {
    /// How much there is on a screen of so many columns and rows.
    fn of((width, height): (u16, u16)) -> Self {
        match (width, height) {
            _ if width < 40 || height < 8 => Self::TooSmall,
            _ if width < 60 || height < 15 => Self::One,
            _ if width < 84 => Self::Stacked,
            _ => Self::Full,
        }
    }
}

/// The parts of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Areas {
    /// How much room there is.
    pub room: Room,
    /// Where one is: lab, views.
    pub header: Rect,
    /// How far the bring-up is.
    pub strip: Rect,
    /// The first part of the view.
    pub main: Rect,
    /// The second; empty if there is none.
    pub side: Rect,
    /// What lists and questions lie over.
    pub over: Rect,
    /// What keys do.
    pub keys: Rect,
    /// Mode, notices, counts, time.
    pub status: Rect,
}

/// Columns of the detail beside a list.
const DETAIL: u16 = 44;
/// Rows of the detail below a list.
const DETAIL_ROWS: u16 = 9;
/// Columns of what a BMC tells beside the list of BMCs.
const BMC: u16 = 58;
/// Columns of a request and its answer beside a Redfish resource.
const EXCHANGE: u16 = 76;
/// Rows of them below it.
const EXCHANGE_ROWS: u16 = 7;
/// Columns of the detail beside the topology.
const LEGEND: u16 = 34;

/// Divides a screen.
pub fn areas(model: &Model) -> Areas {
    let (width, height) = model.size;
    let whole = Rect::new(0, 0, width, height);
    let room = Room::of(model.size);
    let row = |y: u16, rows: u16| Rect::new(0, y, width, rows).intersection(whole);
    let keys = u16::from(room != Room::One);
    let strip = if model.mirror.is_coming_up() && height >= 15 {
        let images = model
            .mirror
            .state
            .images
            .iter()
            .filter(|image| image.url.is_some())
            .count();
        let error = strip::error(model, width).len();
        u16::try_from(images + error + 1).unwrap_or(u16::MAX).min(height / 4)
    } else {
        0
    };
    let body_height = height.saturating_sub(2 + keys + strip);
    let body = row(1 + strip, body_height);
    let (main, side) = parts(model, body, room);
    Areas {
        room,
        header: row(0, 1),
        strip: row(1, strip),
        main,
        side,
        over: row(0, height.saturating_sub(keys + 1)),
        keys: row(1 + strip + body_height, keys),
        status: row(height.saturating_sub(1), 1),
    }
}

fn parts(model: &Model, body: Rect, room: Room) -> (Rect, Rect) {
    let none = Rect::new(body.x, body.y, 0, 0);
    if model.view == View::Consoles {
        return (body, none);
    }
    if room <= Room::One || model.zoom {
        // A detail has no keyboard, so it never has the screen to itself.
        let has_side = matches!(model.view, View::Namespaces | View::Events);
        return if has_side && model.side {
            (none, body)
        } else {
            (body, none)
        };
    }
    let beside = |right: u16| {
        let right = right.min(body.width / 2);
        let left = body.width - right;
        (
            Rect { width: left, ..body },
            Rect {
                x: body.x + left,
                width: right,
                ..body
            },
        )
    };
    let below = |rows: u16| {
        let rows = rows.min(body.height / 2);
        let top = body.height - rows;
        (
            Rect { height: top, ..body },
            Rect {
                y: body.y + top,
                height: rows,
                ..body
            },
        )
    };
    match model.view {
        View::Bmc if model.side && body.width >= 120 => beside((body.width * 2 / 5).min(EXCHANGE)),
        View::Bmc if model.side => below(EXCHANGE_ROWS),
        View::Bmc if body.width >= 120 => beside(BMC),
        View::Topology if room == Room::Full => beside(LEGEND),
        View::Topology => below(6),
        View::Nodes | View::Networks if body.width >= 120 => beside(DETAIL),
        View::Nodes | View::Networks => below(DETAIL_ROWS),
        View::Namespaces if room == Room::Full => beside(body.width - (body.width * 2 / 5).clamp(38, 60)),
        View::Namespaces | View::Bmc => below(body.height / 2),
        View::Events => below((body.height * 3 / 10).max(5)),
        View::Consoles => (body, none),
    }
}

/// What is inside the border of a panel.
pub fn inner(area: Rect) -> Rect {
    Rect {
        x: area.x.saturating_add(1),
        y: area.y.saturating_add(1),
        width: area.width.saturating_sub(2),
        height: area.height.saturating_sub(2),
    }
    .intersection(area)
}

/// The areas of the consoles on the screen; where one part fits, that with the keyboard has all.
pub fn consoles(model: &Model, main: Rect) -> Vec<(PaneId, Rect)> {
    match model.consoles.focused() {
        Some(focused) if Room::of(model.size) <= Room::One => vec![(focused, panes(main))],
        _ => model.consoles.areas(panes(main)),
    }
}

/// The area of the panes of consoles: below the row of tabs.
pub fn panes(main: Rect) -> Rect {
    Rect {
        y: main.y.saturating_add(1),
        height: main.height.saturating_sub(1),
        ..main
    }
    .intersection(main)
}

/// The rows of a list inside its panel: below the headings.
pub fn list_rows(area: Rect) -> Rect {
    panes(inner(area))
}
