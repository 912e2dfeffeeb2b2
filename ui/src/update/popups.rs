//! Keys while something lies over the view: the topmost sees them first.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tui_input::Input;

use super::{act, app, console, explorer, form, panes, power, prompt};
use crate::{
    action::{Action, Demand, Entry, Scope},
    areas::areas,
    model::{
        Model, Outcome,
        consoles::Place,
        mirror::Connection,
        popup::{Chosen, Confirm, Pending, Popup, palette, ways},
    },
    msg::Effect,
    view,
};

/// The question which lab to attach to.
pub fn choose_lab(labs: Vec<String>) -> Popup {
    Popup::Choose {
        title: "Which lab?".into(),
        choices: labs.into_iter().map(|lab| (lab.clone(), Chosen::Lab(lab))).collect(),
        input: Input::default(),
        cursor: 0,
    }
}

/// A key for the topmost popup.
pub fn key(model: &mut Model, key: KeyEvent) -> Vec<Effect> {
    let Some(popup) = model.popups.pop() else {
        return Vec::new();
    };
    // A choice of labs stands alone: without an answer there is nothing to show.
    if key.code == KeyCode::Esc {
        if matches!(&popup, Popup::Choose { choices, .. } if matches!(choices.first(), Some((_, Chosen::Lab(_))))) {
            model.leaving = Some(Outcome::Detached);
        }
        return Vec::new();
    }
    match popup {
        Popup::Help { scopes, cursor } => help(model, key, scopes, cursor),
        Popup::Palette { input, cursor } => typed(model, key, input, cursor),
        Popup::Confirm(confirm) => answer(model, key, confirm),
        Popup::Power { nodes, cursor } => menu(model, key, nodes, cursor),
        Popup::Form(form) => form::key(model, key, form),
        Popup::Quit { cursor } => quit(model, key, cursor),
        Popup::Choose {
            title,
            choices,
            input,
            cursor,
        } => choose(model, key, title, choices, input, cursor),
        Popup::Message { title, text, top } => {
            // Who types into a guest, or fast, does not miss it.
            if !matches!(key.code, KeyCode::Enter | KeyCode::Char('q')) {
                let places = view::popups::last_top(&text, areas(model).over) + 1;
                let top = scrolled(key, top.min(places - 1), places).unwrap_or(top);
                model.popups.push(Popup::Message { title, text, top });
            }
            Vec::new()
        }
    }
}

/// Where a cursor goes by a key; `None` if the key is for something else.
fn moved(key: KeyEvent, cursor: usize, count: usize) -> Option<usize> {
    let last = count.saturating_sub(1);
    match key.code {
        KeyCode::Up | KeyCode::BackTab => Some(cursor.saturating_sub(1)),
        KeyCode::Down | KeyCode::Tab => Some((cursor + 1).min(last)),
        KeyCode::PageUp => Some(cursor.saturating_sub(10)),
        KeyCode::PageDown => Some((cursor + 10).min(last)),
        KeyCode::Home => Some(0),
        KeyCode::End => Some(last),
        _ => None,
    }
}

/// The same where letters are no text.
fn scrolled(key: KeyEvent, cursor: usize, count: usize) -> Option<usize> {
    let last = count.saturating_sub(1);
    match key.code {
        KeyCode::Char('k') => Some(cursor.saturating_sub(1)),
        KeyCode::Char('j') => Some((cursor + 1).min(last)),
        KeyCode::Char('g') => Some(0),
        KeyCode::Char('G') => Some(last),
        _ => moved(key, cursor, count),
    }
}

fn help(model: &mut Model, key: KeyEvent, scopes: Vec<Scope>, cursor: usize) -> Vec<Effect> {
    let entries: Vec<&Entry> = model.settings.keymap.entries(&scopes).collect();
    if key.code == KeyCode::Enter {
        return entries
            .get(cursor)
            .map_or_else(Vec::new, |entry| act::act(model, entry.action));
    }
    if let Some(cursor) = scrolled(key, cursor, entries.len()) {
        model.popups.push(Popup::Help { scopes, cursor });
    } else if !matches!(key.code, KeyCode::Char('q' | '?') | KeyCode::F(1)) {
        model.popups.push(Popup::Help { scopes, cursor });
    }
    Vec::new()
}

fn typed(model: &mut Model, key: KeyEvent, mut input: Input, cursor: usize) -> Vec<Effect> {
    let entries = palette(model, input.value());
    if key.code == KeyCode::Enter {
        return entries
            .get(cursor)
            .map_or_else(Vec::new, |entry| act::anywhere(model, entry));
    }
    let cursor = if let Some(cursor) = moved(key, cursor, entries.len()) {
        cursor
    } else {
        prompt::edit(&mut input, key);
        0
    };
    model.popups.push(Popup::Palette { input, cursor });
    Vec::new()
}

fn answer(model: &mut Model, key: KeyEvent, mut confirm: Confirm) -> Vec<Effect> {
    match key.code {
        KeyCode::Char('y') => return confirmed(model, confirm.pending),
        KeyCode::Enter if confirm.chosen => return confirmed(model, confirm.pending),
        KeyCode::Enter | KeyCode::Char('n' | 'q') => return Vec::new(),
        KeyCode::Left | KeyCode::Right | KeyCode::Tab | KeyCode::BackTab | KeyCode::Char('h' | 'l') => {
            confirm.chosen = !confirm.chosen;
        }
        _ => {}
    }
    model.popups.push(Popup::Confirm(confirm));
    Vec::new()
}

/// The question whether a text is to be saved in a file that is there already.
pub fn overwrite(path: String, text: String) -> Popup {
    Popup::Confirm(Confirm {
        question: format!("Overwrite {path}?"),
        detail: "It is there already: what is in it now is lost.".into(),
        yes: "overwrite",
        pending: Pending::Overwrite(path, text),
        chosen: false,
    })
}

fn confirmed(model: &mut Model, pending: Pending) -> Vec<Effect> {
    match pending {
        Pending::Power(demand, nodes) => power::run(model, demand, &nodes),
        Pending::Ask(node, request) => form::sent(model, node, request),
        Pending::Paste(panes, text) => panes
            .into_iter()
            .filter_map(|id| Some(Effect::Type(id, model.consoles.panes.get(&id)?.emulator.paste(&text))))
            .collect(),
        Pending::Restart(of) => app::restart(model, of),
        Pending::Overwrite(path, text) => vec![Effect::Overwrite(path, text)],
        Pending::Close => panes::close(model),
        Pending::Leave => {
            model.leave();
            Vec::new()
        }
        Pending::TearDown => {
            model.tearing_down = true;
            model.tell("the lab is being taken down");
            vec![Effect::TearDown(model.mirror.state.lab.pid)]
        }
    }
}

fn menu(model: &mut Model, key: KeyEvent, nodes: Vec<String>, cursor: usize) -> Vec<Effect> {
    let demands: Vec<Demand> = Demand::all().collect();
    let by_letter = |c: char| demands.iter().position(|demand| demand.key() == Some(c));
    let chosen = match key.code {
        KeyCode::Enter => Some(cursor),
        KeyCode::Char('q') => return Vec::new(),
        KeyCode::Char(c) if key.modifiers.difference(KeyModifiers::SHIFT).is_empty() => by_letter(c),
        _ => None,
    };
    if let Some(demand) = chosen.and_then(|chosen| demands.get(chosen)) {
        return power::ask(model, *demand, nodes);
    }
    let cursor = scrolled(key, cursor, demands.len()).unwrap_or(cursor);
    model.popups.push(Popup::Power { nodes, cursor });
    Vec::new()
}

fn quit(model: &mut Model, key: KeyEvent, cursor: usize) -> Vec<Effect> {
    let chosen = match key.code {
        KeyCode::Enter => cursor,
        KeyCode::Char('l' | 'd') => 0,
        KeyCode::Char('t') => 1,
        KeyCode::Char('c' | 'q' | 'n') => 2,
        _ => {
            let cursor = scrolled(key, cursor, ways(model).len()).unwrap_or(cursor);
            model.popups.push(Popup::Quit { cursor });
            return Vec::new();
        }
    };
    match chosen {
        0 => leave(model),
        1 => tear_down(model),
        _ => {}
    }
    Vec::new()
}

/// Leaves; asks before if shells end with this console.
pub fn leave(model: &mut Model) {
    let shells = model.consoles.shells();
    if shells == 0 || model.mirror.connection == Connection::Ended {
        model.leave();
        return;
    }
    model.popups.push(Popup::Confirm(Confirm {
        question: format!("Leave {}?", model.mirror.name()),
        detail: match shells {
            1 => "1 shell ends, and what runs in it.".into(),
            _ => format!("{shells} shells end, and what runs in them."),
        },
        yes: "leave",
        pending: Pending::Leave,
        chosen: false,
    }));
}

/// Asks before a lab is taken down.
fn tear_down(model: &mut Model) {
    if let Some(reason) = model.refused_tear_down() {
        model.complain(format!("cannot tear the lab down: {reason}"));
        return;
    }
    let state = &model.mirror.state;
    let on = state.nodes.iter().filter(|node| node.pid.is_some()).count();
    model.popups.push(Popup::Confirm(Confirm {
        question: format!("Tear down the lab {}?", state.lab.name),
        detail: format!(
            "{on} nodes lose their power, {} namespaces and all that runs in them end.",
            state.namespaces.len()
        ),
        yes: "tear down",
        pending: Pending::TearDown,
        chosen: false,
    }));
}

fn choose(
    model: &mut Model,
    key: KeyEvent,
    title: String,
    choices: Vec<(String, Chosen)>,
    mut input: Input,
    cursor: usize,
) -> Vec<Effect> {
    let matching = Popup::matching(&choices, &input);
    if key.code == KeyCode::Enter
        && let Some((_, chosen)) = matching.get(cursor).copied().cloned()
    {
        return match chosen {
            Chosen::Lab(lab) => vec![Effect::Attach(lab)],
            Chosen::Console(source, Place::Tab) => console::open(model, &source),
            Chosen::Console(source, place) => console::split(model, &source, place == Place::Beside),
            Chosen::Action(place) => explorer::run_action(model, &place),
            Chosen::Media(index, action) => form::chosen_media(model, index, action),
        };
    }
    let cursor = if let Some(cursor) = moved(key, cursor, matching.len()) {
        cursor
    } else {
        prompt::edit(&mut input, key);
        0
    };
    model.popups.push(Popup::Choose {
        title,
        choices,
        input,
        cursor,
    });
    Vec::new()
}

/// The popup that an action opens, if it does.
pub fn of_action(model: &Model, action: Action) -> Option<Popup> {
    Some(match action {
        Action::Help => Popup::Help {
            scopes: model.scopes(),
            cursor: 0,
        },
        Action::Palette => Popup::Palette {
            input: Input::default(),
            cursor: 0,
        },
        Action::PowerMenu => Popup::Power {
            nodes: model.chosen_nodes(),
            cursor: 0,
        },
        Action::Quit => Popup::Quit { cursor: 0 },
        _ => return None,
    })
}
