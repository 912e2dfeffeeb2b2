//! Consoles and shells: opening, bytes both ways, the end.

use crate::{
    action::View,
    model::{
        Model,
        consoles::{Line, PaneId, Source},
    },
    msg::Effect,
};

/// Goes to the pane with this at its other end, and opens it if there is none.
pub fn open(model: &mut Model, source: &Source) -> Vec<Effect> {
    model.view = View::Consoles;
    let command = match source {
        Source::Console(node) => format!("node enter {node}"),
        Source::Shell(netns) => format!("netns exec {netns} -- bash"),
        Source::Ssh(node) => format!("ssh-config > /tmp/lab.ssh && ssh -F /tmp/lab.ssh {node}"),
    };
    let readonly = model.settings.readonly;
    let (id, made) = model.consoles.show(source);
    model.consoles.typing = !readonly;
    model.consoles.left = false;
    if made {
        model.log_command(&command, None);
    }
    connect(model, id)
}

/// Connects a pane unless it is.
pub fn connect(model: &mut Model, id: PaneId) -> Vec<Effect> {
    let Some(pane) = model.consoles.panes.get_mut(&id) else {
        return Vec::new();
    };
    if pane.line == Line::Open {
        return Vec::new();
    }
    pane.line = Line::Opening;
    vec![Effect::Open(id, pane.source.clone(), pane.emulator.size())]
}

/// A pane is connected.
pub fn opened(model: &mut Model, id: PaneId) -> Vec<Effect> {
    let Some(pane) = model.consoles.panes.get_mut(&id) else {
        return vec![Effect::Close(id)];
    };
    pane.line = Line::Open;
    // It may have got another size meanwhile.
    vec![Effect::Resize(id, pane.emulator.size())]
}

/// A guest wrote something; what it asked is answered, by one of those who may be watching it.
pub fn bytes(model: &mut Model, id: PaneId, bytes: &[u8]) -> Vec<Effect> {
    let Some(pane) = model.consoles.panes.get_mut(&id) else {
        return Vec::new();
    };
    pane.emulator.write(bytes);
    let replies = pane.emulator.replies();
    if pane.emulator.rang() && model.view != View::Consoles {
        let title = pane.source.title();
        model.tell(format!("{title} rings"));
    }
    if replies.is_empty() || model.settings.readonly {
        Vec::new()
    } else {
        vec![Effect::Type(id, replies)]
    }
}

/// A pane is connected no more.
pub fn closed(model: &mut Model, id: PaneId, reason: String) -> Vec<Effect> {
    if let Some(pane) = model.consoles.panes.get_mut(&id) {
        pane.emulator.mark(&reason);
        pane.line = Line::Closed(reason);
        if model.consoles.focused() == Some(id) {
            model.consoles.typing = false;
        }
    }
    Vec::new()
}

/// Sends what is typed to all panes that have the keyboard.
pub fn send(model: &mut Model, bytes: impl Fn(&crate::model::consoles::Pane) -> Vec<u8>) -> Vec<Effect> {
    let mut effects = Vec::new();
    for id in model.consoles.typed_into() {
        if let Some(pane) = model.consoles.panes.get_mut(&id).filter(|pane| pane.line == Line::Open) {
            // Whoever types wants to see what comes of it.
            if pane.emulator.scrolled().0 > 0 {
                pane.emulator.set_copying(false);
            }
            let bytes = bytes(pane);
            if !bytes.is_empty() {
                effects.push(Effect::Type(id, bytes));
            }
        }
    }
    effects
}
