//! What actions do among the panes of consoles, and in their scrollback.

use tui_input::Input;

use super::{console, prompt};
use crate::{
    action::Action,
    emulator::Motion,
    model::{
        Model,
        consoles::{Pane, Place, Source},
        popup::{Chosen, Confirm, Pending, Popup, Purpose},
    },
    msg::Effect,
};

/// Does an action among the panes.
pub fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    if model.is_copying() {
        return in_scrollback(model, action);
    }
    match action {
        Action::Type => {
            let Some(id) = model.consoles.focused() else {
                choose(model, Place::Tab);
                return Vec::new();
            };
            model.consoles.typing = true;
            if let Some(pane) = model.consoles.pane_mut() {
                pane.emulator.set_copying(false);
            }
            return console::connect(model, id);
        }
        Action::Leave => model.consoles.typing = false,
        Action::Copy => {
            if let Some(pane) = model.consoles.pane_mut() {
                pane.emulator.set_copying(true);
            }
        }
        Action::NextTab => model.consoles.turn(true),
        Action::PreviousTab => model.consoles.turn(false),
        Action::NextFocus => model.consoles.cycle(true),
        Action::PreviousFocus => model.consoles.cycle(false),
        Action::Zoom => {
            if let Some(tab) = model.consoles.tab_mut() {
                tab.zoom = !tab.zoom;
            }
        }
        Action::Broadcast => {
            if let Some(tab) = model.consoles.tab_mut() {
                tab.broadcast = !tab.broadcast;
            }
        }
        Action::Break => return console::send_break(model),
        Action::TellSize => return console::tell_size(model),
        Action::OpenConsole => choose(model, Place::Tab),
        Action::SplitRight => choose(model, Place::Beside),
        Action::SplitDown => choose(model, Place::Below),
        Action::Close if model.consoles.pane().is_some_and(Pane::is_shell) => ask_to_close(model),
        Action::Close => return close(model),
        Action::Reconnect => {
            if let Some(id) = model.consoles.focused() {
                return console::connect(model, id);
            }
        }
        _ => {}
    }
    Vec::new()
}

/// Closes the focused pane.
pub fn close(model: &mut Model) -> Vec<Effect> {
    model.consoles.close().map(Effect::Close).into_iter().collect()
}

/// Asks before a shell is closed.
fn ask_to_close(model: &mut Model) {
    let question = match model.consoles.pane().map(|pane| &pane.source) {
        Some(Source::Ssh(node)) => format!("Close the login to {node}?"),
        Some(Source::Shell(netns)) => format!("Close the shell in {netns}?"),
        Some(Source::Console(_)) | None => return,
    };
    model.popups.push(Popup::Confirm(Confirm {
        question,
        detail: "What runs in it ends.".into(),
        yes: "close",
        pending: Pending::Close,
        chosen: false,
    }));
}

/// Asks which console to show there. What is open in another tab may be brought here.
fn choose(model: &mut Model, place: Place) {
    let here = model.consoles.tab().map_or_else(Vec::new, |tab| tab.tile.panes());
    let sources = here.iter().filter_map(|id| model.consoles.panes.get(id));
    let open: Vec<Source> = sources.map(|pane| pane.source.clone()).collect();
    let state = &model.mirror.state;
    let nodes = state.nodes.iter().map(|node| Source::Console(node.name.clone()));
    let shells = state.namespaces.iter().map(|netns| Source::Shell(netns.name.clone()));
    let shells = shells.filter(|_| model.settings.local && !model.settings.readonly);
    let choices = nodes.chain(shells).filter(|source| !open.contains(source));
    let choices: Vec<_> = choices
        .map(|source| (source.title(), Chosen::Console(source, place)))
        .collect();
    if choices.is_empty() {
        model.complain("there is no other console");
        return;
    }
    model.popups.push(Popup::Choose {
        title: match place {
            Place::Tab => "Which console?",
            Place::Beside => "What on the right?",
            Place::Below => "What below it?",
        }
        .into(),
        choices,
        input: Input::default(),
        cursor: 0,
    });
}

fn in_scrollback(model: &mut Model, action: Action) -> Vec<Effect> {
    let Some(pane) = model.consoles.pane_mut() else {
        return Vec::new();
    };
    let motion = match action {
        Action::Up => Some(Motion::Up),
        Action::Down => Some(Motion::Down),
        Action::Left => Some(Motion::Left),
        Action::Right => Some(Motion::Right),
        Action::PageUp => Some(Motion::PageUp),
        Action::PageDown => Some(Motion::PageDown),
        Action::Top => Some(Motion::Top),
        Action::Bottom => Some(Motion::Bottom),
        _ => None,
    };
    if let Some(motion) = motion {
        pane.emulator.go(motion);
        return Vec::new();
    }
    match action {
        Action::Select => pane.emulator.select(false),
        Action::SelectLines => pane.emulator.select(true),
        Action::Yank => {
            let text = pane.emulator.selected();
            pane.emulator.set_copying(false);
            let count = text.chars().count();
            model.tell(format!(
                "{count} characters are in the clipboard, if the terminal allows that (OSC 52)"
            ));
            return vec![Effect::Clipboard(text)];
        }
        Action::Search => prompt::begin(model, Purpose::Search),
        Action::NextMatch | Action::PreviousMatch => {
            let needle = pane.needle.clone();
            if needle.is_empty() || !pane.emulator.find(&needle, action == Action::NextMatch) {
                model.complain("nothing was found");
            }
        }
        Action::Save => prompt::begin(model, Purpose::Save),
        Action::Edit => return vec![Effect::Edit(pane.emulator.all_text())],
        _ => {}
    }
    Vec::new()
}
