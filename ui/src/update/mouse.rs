//! The mouse.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use super::{act, popups};
use crate::{
    action::{Action, View},
    areas::{self, Room, areas, inner, list_rows},
    model::{Model, popup::Popup},
    msg::Effect,
    view::{self, consoles, header, menu::Hit, status},
};

/// Lines that one notch of the wheel scrolls.
const NOTCH: isize = 3;

/// Something was done with the mouse.
pub fn mouse(model: &mut Model, event: MouseEvent) -> Vec<Effect> {
    let at = Position::new(event.column, event.row);
    let areas = areas(model);
    if areas.room == Room::TooSmall {
        return Vec::new();
    }
    if !model.popups.is_empty() {
        return over_popup(model, event, at, areas.over);
    }
    if event.kind == MouseEventKind::Down(MouseButton::Left)
        && areas.keys.contains(at)
        && model.prompt.is_none()
        && let Some(action) = status::action_at(model, areas.keys, at)
    {
        return act::act(model, action);
    }
    if model.view == View::Consoles
        && let Some(effects) = over_panes(model, event, areas.main)
    {
        return effects;
    }
    match event.kind {
        MouseEventKind::Down(MouseButton::Left) if areas.header.contains(at) => {
            if let Some(view) = header::view_at(model, at.x) {
                return act::act(model, Action::Show(view));
            }
        }
        MouseEventKind::Down(MouseButton::Left) if model.view == View::Consoles => {
            if let Some(tab) = consoles::tab_at(model, areas.main, at) {
                model.consoles.current = tab;
            }
        }
        MouseEventKind::Down(MouseButton::Left) => return click(model, at, areas.main, areas.side),
        MouseEventKind::ScrollLeft | MouseEventKind::ScrollRight if model.view == View::Topology => {
            let by = if event.kind == MouseEventKind::ScrollLeft {
                -8
            } else {
                8
            };
            model.map.pan(by, 0);
        }
        MouseEventKind::ScrollUp | MouseEventKind::ScrollDown => {
            let by = if event.kind == MouseEventKind::ScrollUp {
                -NOTCH
            } else {
                NOTCH
            };
            wheel(model, at, areas.side, by);
        }
        _ => {}
    }
    Vec::new()
}

/// Over what lies over the view: a click chooses a line of a list, the wheel goes up and down in it, a click beside it closes it.
fn over_popup(model: &mut Model, event: MouseEvent, at: Position, area: Rect) -> Vec<Effect> {
    let code = match event.kind {
        MouseEventKind::ScrollUp => KeyCode::Up,
        MouseEventKind::ScrollDown => KeyCode::Down,
        MouseEventKind::Down(MouseButton::Left) => {
            let hit = model
                .popups
                .last()
                .and_then(|popup| Some(view::popups::menu(model, popup)?.at(area, at)));
            match (hit, model.popups.last_mut().and_then(Popup::cursor_mut)) {
                (Some(Hit::Item(item)), Some(cursor)) => {
                    *cursor = item;
                    KeyCode::Enter
                }
                (Some(Hit::Outside), _) => KeyCode::Esc,
                _ => return Vec::new(),
            }
        }
        _ => return Vec::new(),
    };
    popups::key(model, KeyEvent::new(code, KeyModifiers::NONE))
}

/// Over a console: the guest gets the mouse if it asked for it and has the keyboard.
fn over_panes(model: &mut Model, event: MouseEvent, main: Rect) -> Option<Vec<Effect>> {
    let at = Position::new(event.column, event.row);
    let (id, area) = areas::consoles(model, main)
        .into_iter()
        .find(|(_, area)| area.contains(at))?;
    if matches!(event.kind, MouseEventKind::Down(_))
        && let Some(tab) = model.consoles.tab_mut()
    {
        tab.focus = id;
    }
    let inside = inner(area);
    let has_keyboard = model.is_typing() && model.consoles.focused() == Some(id);
    let pane = model.consoles.panes.get_mut(&id)?;
    if has_keyboard
        && inside.contains(at)
        && let Some(bytes) = pane.emulator.mouse(event, at.x - inside.x, at.y - inside.y)
    {
        return Some(if bytes.is_empty() {
            Vec::new()
        } else {
            vec![Effect::Type(id, bytes)]
        });
    }
    match event.kind {
        MouseEventKind::ScrollUp => pane.emulator.scroll(3),
        MouseEventKind::ScrollDown => pane.emulator.scroll(-3),
        MouseEventKind::Down(MouseButton::Left) if !has_keyboard && !pane.emulator.is_copying() => {
            return Some(act::act(model, Action::Type));
        }
        _ => {}
    }
    Some(Vec::new())
}

fn click(model: &mut Model, at: Position, main: Rect, side: Rect) -> Vec<Effect> {
    let on_side = side.contains(at);
    if matches!(model.view, View::Namespaces | View::Events) {
        model.side = on_side;
    }
    if model.view == View::Bmc && model.side {
        return click_line(model, at, list_rows(main));
    }
    if model.view == View::Topology {
        let window = inner(main);
        if window.contains(at)
            && let Some(vertex) = model.map.vertex_at(at.x - window.x, at.y - window.y)
        {
            if model.map.vertex() == Some(vertex) {
                return act::act(model, Action::Open);
            }
            model.map.select(vertex);
        }
        return Vec::new();
    }
    let rows_area = list_rows(if on_side { side } else { main });
    if rows_area.contains(at) && (!on_side || model.side) {
        let row = usize::from(at.y - rows_area.y);
        if model.view == View::Events && !model.side {
            model.follow_events = false;
        }
        if let Some(rows) = model.rows_mut() {
            let place = rows.window.top + row;
            if place < rows.visible.len() {
                if rows.cursor == place {
                    return act::act(model, Action::Open);
                }
                rows.go(place);
            }
        }
    }
    Vec::new()
}

/// A click in the explorer: selects a line; follows what is selected.
fn click_line(model: &mut Model, at: Position, lines: Rect) -> Vec<Effect> {
    let explorer = &mut model.bmcs.explorer;
    if lines.contains(at) {
        let line = explorer.window.top + usize::from(at.y - lines.y);
        if line < explorer.lines().len() {
            if explorer.cursor() == line {
                return act::act(model, Action::Open);
            }
            explorer.go(line);
        }
    }
    Vec::new()
}

fn wheel(model: &mut Model, at: Position, side: Rect, by: isize) {
    if model.view == View::Topology {
        model.map.pan(0, i16::try_from(by).unwrap_or(0));
    } else if model.view == View::Namespaces && side.contains(at) {
        model.log.scroll(by);
    } else if model.view == View::Bmc && model.side {
        let explorer = &mut model.bmcs.explorer;
        explorer.go(explorer.cursor().saturating_add_signed(by));
    } else if model.view == View::Events {
        let on_side = side.contains(at);
        let rows = if on_side {
            &mut model.commands
        } else {
            &mut model.events
        };
        rows.step(by);
        if !on_side {
            model.follow_events = model.events.cursor + 1 >= model.events.visible.len();
        }
    } else if let Some(rows) = model.rows_mut() {
        rows.step(by);
    } else if model.view == View::Namespaces {
        model.namespaces.step(by);
    }
}
