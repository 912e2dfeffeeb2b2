//! Consoles and shells: opening, bytes both ways, the end.

use crate::{
    action::View,
    model::{
        Model,
        consoles::{Line, PaneId, Source},
    },
    msg::Effect,
};

/// The most consoles that are shown in one tab at once.
const MOST: usize = 16;

/// Goes to the pane with this at its other end, and opens it if there is none.
pub fn open(model: &mut Model, source: &Source) -> Vec<Effect> {
    model.view = View::Consoles;
    log_opened(model, source);
    let readonly = model.settings.readonly;
    let id = model.consoles.show(source);
    model.consoles.typing = !readonly;
    model.consoles.left = None;
    connect(model, id)
}

/// Remembers the command that does what opening a pane does, unless it is open already.
fn log_opened(model: &mut Model, source: &Source) {
    if model.consoles.has(source) {
        return;
    }
    let command = match source {
        Source::Console(node) => format!("node enter {node}"),
        Source::Shell(netns) => format!("netns enter {netns}"),
        Source::Ssh(node) => format!("ssh-config > /tmp/lab.ssh && ssh -F /tmp/lab.ssh {node}"),
    };
    model.log_command(&command, None);
}

/// Shows a console beside the focused pane, or below it.
pub fn split(model: &mut Model, source: &Source, beside: bool) -> Vec<Effect> {
    log_opened(model, source);
    match model.consoles.split(source, beside) {
        Some(pane) => connect(model, pane),
        None => Vec::new(),
    }
}

/// Shows the consoles of several nodes in one tab.
pub fn open_all(model: &mut Model, nodes: &[String]) -> Vec<Effect> {
    if nodes.len() > MOST {
        model.complain(format!(
            "{} consoles are too many for one screen: {MOST} fit",
            nodes.len()
        ));
        return Vec::new();
    }
    model.view = View::Consoles;
    model.consoles.typing = false;
    let sources: Vec<Source> = nodes.iter().cloned().map(Source::Console).collect();
    for source in &sources {
        log_opened(model, source);
    }
    let panes = model.consoles.tile(&sources);
    model.tell("b types into all of them at once");
    panes.into_iter().flat_map(|pane| connect(model, pane)).collect()
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

/// Sends a break on the serial lines that keys go to. They have the keyboard then: it is the next key that counts.
pub fn send_break(model: &mut Model) -> Vec<Effect> {
    let mut effects = Vec::new();
    for node in model.consoles.lines_typed_into() {
        let job = model.begin_job(format!("break to {node}"));
        model.log_command(&format!("node type --break {node} ''"), Some(job));
        effects.push(Effect::Break(job, node));
    }
    model.consoles.typing = true;
    effects
}

/// Types the size of their panes into the serial lines that keys go to, for the shells that run there: a serial line has none.
pub fn tell_size(model: &mut Model) -> Vec<Effect> {
    let mut told = Vec::new();
    for id in model.consoles.typed_into() {
        let pane = model.consoles.panes.get(&id).filter(|pane| pane.line == Line::Open);
        if let Some((Source::Console(node), size)) = pane.map(|pane| (&pane.source, pane.emulator.size())) {
            let line = format!("stty rows {} cols {}", size.lines, size.columns);
            told.push((id, node.clone(), line));
        }
    }
    if told.is_empty() {
        model.complain("the console is not connected");
    }
    for (_, node, line) in &told {
        model.log_command(&format!("node type --enter {node} '{line}'"), None);
    }
    let typed = |(id, _, line): (PaneId, String, String)| Effect::Type(id, format!("{line}\r").into_bytes());
    told.into_iter().map(typed).collect()
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

/// What a guest wrote before this looked on is shown. Whom it asked something then, or rang for, is over.
pub fn replayed(model: &mut Model, id: PaneId, bytes: &[u8]) {
    if let Some(pane) = model.consoles.panes.get_mut(&id) {
        pane.emulator.write(bytes);
        pane.emulator.replies();
        pane.emulator.rang();
    }
}

/// A guest wrote something; what it asked of its terminal is answered if this is the one.
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
    if replies.is_empty() || !answers(model, id) {
        Vec::new()
    } else {
        vec![Effect::Type(id, replies)]
    }
}

/// Whether a pane is the terminal that its other end asks. Of all who look on a serial line it is the one who types there.
fn answers(model: &Model, id: PaneId) -> bool {
    let types = model.view == View::Consoles && model.consoles.typing && model.consoles.typed_into().contains(&id);
    match model.consoles.panes.get(&id).map(|pane| &pane.source) {
        Some(Source::Console(_)) => types && !model.settings.readonly,
        Some(Source::Shell(_) | Source::Ssh(_)) => !model.settings.readonly,
        None => false,
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
