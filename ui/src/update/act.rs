//! What each action does, in whatever view.

use super::{app, console, explorer, form, list, log, map, panes, popups, power};
use crate::{
    action::{Action, Entry, View},
    model::{Model, consoles::Source, mirror::Connection},
    msg::Effect,
    theme::{Theme, ThemeName},
};

/// Does an action, or tells why it can't be done now.
pub fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    if let Some(reason) = model.refused(action) {
        model.complain(reason);
        return Vec::new();
    }
    // Of a lab that has ended there is nothing to be asked.
    if action == Action::Quit && model.mirror.connection == Connection::Ended {
        model.leave();
        return Vec::new();
    }
    if let Some(popup) = popups::of_action(model, action) {
        model.popups.push(popup);
        return Vec::new();
    }
    match action {
        Action::Show(view) => show(model, view),
        Action::Back => return back(model),
        Action::Detach => popups::leave(model),
        Action::Suspend => return vec![Effect::Suspend],
        Action::Redraw => return vec![Effect::Redraw],
        Action::Mouse => {
            model.settings.mouse = !model.settings.mouse;
            let taken = if model.settings.mouse {
                "this console has the mouse (shift-drag selects)"
            } else {
                "the terminal has the mouse"
            };
            model.tell(taken);
            return vec![Effect::Mouse(model.settings.mouse)];
        }
        Action::Theme => next_theme(model),
        Action::Zoom if model.view != View::Consoles => model.zoom = !model.zoom,
        Action::Restart => app::ask(model),
        Action::Power(demand) => {
            let nodes = model.chosen_nodes();
            return power::ask(model, demand, nodes);
        }
        Action::Shell => return shell(model),
        Action::Console => return console_of_bmc(model),
        Action::BootOverride => return form::boot(model),
        Action::Media => return form::media(model),
        _ => return in_view(model, action),
    }
    Vec::new()
}

/// Does an action of any scope, in the view where it counts.
pub fn anywhere(model: &mut Model, entry: &Entry) -> Vec<Effect> {
    let mut effects = Vec::new();
    if !model.scopes().contains(&entry.scope)
        && let Some((view, side)) = entry.scope.place()
    {
        show(model, view);
        if (view, side) == (View::Bmc, true) {
            effects = explorer::open(model);
            // There is nothing to do it to.
            if !model.side {
                return effects;
            }
        } else {
            model.side = side;
        }
    }
    effects.extend(act(model, entry.action));
    effects
}

/// Goes to a view.
pub fn show(model: &mut Model, view: View) {
    if model.view != view {
        // What was being typed was about what was there.
        model.prompt = None;
        model.view = view;
        model.side = false;
        model.zoom = false;
        model.consoles.typing = false;
        model.consoles.left = None;
    }
}

/// One step back: each drops one thing, until there is nothing to drop.
fn back(model: &mut Model) -> Vec<Effect> {
    if model.view == View::Consoles {
        if let Some(pane) = model
            .consoles
            .pane_mut()
            .filter(|pane| pane.emulator.is_copying() || pane.emulator.scrolled().0 > 0)
        {
            pane.emulator.set_copying(false);
        } else if let Some(tab) = model.consoles.tab_mut() {
            tab.zoom = false;
            tab.broadcast = false;
        }
        return Vec::new();
    }
    if std::mem::take(&mut model.zoom) {
        return Vec::new();
    }
    if model.view == View::Topology {
        let map = &mut model.map;
        if map.link.take().is_none() {
            map.filter.clear();
            map.ends.clear();
            map.find_way();
        }
        return Vec::new();
    }
    if model.view == View::Namespaces && model.side {
        if model.log.filter.is_empty() && model.log.needle.is_empty() {
            model.side = false;
        } else {
            model.log.filter.clear();
            model.log.invert = false;
            model.log.needle.clear();
            model.log.refresh();
        }
        return Vec::new();
    }
    if model.view == View::Bmc && model.side {
        // The way back leads through the resources, and at last to the list.
        model.side = model.bmcs.explorer.trail.len() > 1;
        return if model.side { explorer::back(model) } else { Vec::new() };
    }
    let Some(rows) = model.rows_mut() else {
        return Vec::new();
    };
    if rows.filter.is_empty() && rows.marked.is_empty() {
        model.side = false;
    } else {
        rows.filter.clear();
        rows.invert = false;
        rows.marked.clear();
    }
    Vec::new()
}

fn next_theme(model: &mut Model) {
    let names = ThemeName::ALL;
    let at = names
        .iter()
        .position(|name| *name == model.settings.theme_name)
        .unwrap_or(0);
    let next = names[(at + 1) % names.len()];
    model.settings.theme_name = next;
    model.settings.theme = Theme::named(next);
    model.tell(format!("theme: {}", next.word()));
}

/// A shell: inside the namespace, or by ssh on the node.
fn shell(model: &mut Model) -> Vec<Effect> {
    let node = model.chosen_nodes().into_iter().next();
    let source = match (model.chosen_netns(), node) {
        (Some(netns), _) => Source::Shell(netns),
        (None, Some(node)) => Source::Ssh(node),
        (None, None) => return Vec::new(),
    };
    console::open(model, &source)
}

/// The serial console of the node whose BMC is looked at.
fn console_of_bmc(model: &mut Model) -> Vec<Effect> {
    match model.chosen_bmc().map(str::to_owned) {
        Some(node) => console::open(model, &Source::Console(node)),
        None => Vec::new(),
    }
}

fn in_view(model: &mut Model, action: Action) -> Vec<Effect> {
    match model.view {
        View::Consoles => panes::act(model, action),
        View::Topology => map::act(model, action),
        View::Namespaces if model.side => log::act(model, action),
        View::Bmc if model.side => explorer::act(model, action),
        _ => list::act(model, action),
    }
}
