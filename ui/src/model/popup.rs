//! What lies over the view and sees events first.

use std::collections::HashSet;

use placemat2_engine::api::RedfishRequest;
use tui_input::Input;

use crate::{
    action::{Demand, Entry, Scope, entries},
    model::{
        Model,
        consoles::{PaneId, Place, Source},
        form::Form,
        log::AppId,
        mirror::Connection,
    },
};

/// What lies over the view.
#[derive(Clone, Debug)]
pub enum Popup {
    /// What the keys do in these scopes.
    Help {
        /// Where they count.
        scopes: Vec<Scope>,
        /// The selected line.
        cursor: usize,
    },
    /// Every action by its name.
    Palette {
        /// What is typed.
        input: Input,
        /// The selected line.
        cursor: usize,
    },
    /// A question that is answered before something is done.
    Confirm(Confirm),
    /// What can be asked of the power of these nodes.
    Power {
        /// Their names.
        nodes: Vec<String>,
        /// The selected line.
        cursor: usize,
    },
    /// A request to a BMC that is filled in.
    Form(Form),
    /// How to leave.
    Quit {
        /// The selected line.
        cursor: usize,
    },
    /// One of several things.
    Choose {
        /// The question.
        title: String,
        /// The answers.
        choices: Vec<(String, Chosen)>,
        /// What is typed to find one.
        input: Input,
        /// The selected one of those that have it.
        cursor: usize,
    },
    /// Something to be read.
    Message {
        /// What it is about.
        title: String,
        /// What there is to read.
        text: String,
        /// The first line shown.
        top: usize,
    },
}

/// A question before something is done; cancelling is the default.
#[derive(Clone, Debug)]
pub struct Confirm {
    /// The question; it names the object.
    pub question: String,
    /// What follows from it.
    pub detail: String,
    /// The word on the button.
    pub yes: &'static str,
    /// What is done.
    pub pending: Pending,
    /// Whether the button is selected.
    pub chosen: bool,
}

/// What is done once it is confirmed.
#[derive(Clone, Debug, PartialEq)]
pub enum Pending {
    /// Something is asked of the power of these nodes.
    Power(Demand, Vec<String>),
    /// Something is asked of the BMC of a node.
    Ask(String, RedfishRequest),
    /// An app is restarted.
    Restart(AppId),
    /// The lab is taken down.
    TearDown,
    /// A text is saved in a file instead of what is in it.
    Overwrite(String, String),
    /// A text is typed into consoles.
    Paste(Vec<PaneId>, String),
    /// The focused pane is closed.
    Close,
    /// This console ends.
    Leave,
}

/// What follows from a choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chosen {
    /// This lab is attached to.
    Lab(String),
    /// This console is shown there.
    Console(Source, Place),
    /// The action at that place of the resource is run.
    Action(String),
    /// Something is done with the virtual media of that number.
    Media(usize, &'static str),
}

impl Popup {
    /// The selected line, if it is a list.
    pub fn cursor_mut(&mut self) -> Option<&mut usize> {
        match self {
            Self::Help { cursor, .. }
            | Self::Palette { cursor, .. }
            | Self::Power { cursor, .. }
            | Self::Quit { cursor }
            | Self::Choose { cursor, .. } => Some(cursor),
            Self::Confirm(_) | Self::Form(_) | Self::Message { .. } => None,
        }
    }

    /// The lines of a choice that have in them what is typed.
    pub fn matching<'a>(choices: &'a [(String, Chosen)], input: &Input) -> Vec<&'a (String, Chosen)> {
        let needle = input.value().to_lowercase();
        choices
            .iter()
            .filter(|(label, _)| label.to_lowercase().contains(&needle))
            .collect()
    }
}

/// The ways to leave, in the order of the dialog.
pub fn ways(model: &Model) -> [(&'static str, &'static str); 3] {
    let leave = match model.mirror.connection {
        Connection::Connected => (
            "leave the lab running",
            "this console ends; `placemat2 attach` brings it back",
        ),
        // Whether it runs, nobody knows.
        _ => ("leave", "this console ends; the lab does not answer"),
    };
    [
        leave,
        ("tear the lab down", "all nodes are powered off, all apps ended"),
        ("cancel", "go on"),
    ]
}

/// The lines of the palette that match what is typed: what can be done here first, then what matches best.
pub fn palette(model: &Model, text: &str) -> Vec<&'static Entry> {
    let needle = text.to_lowercase();
    let here = model.scopes();
    let mut found: Vec<((bool, usize), &Entry)> = Vec::new();
    for entry in entries() {
        // Scrolling is no action that anybody looks for by its name.
        let moves = entry.label.is_empty() && !entry.keys.is_empty() && entry.scope != Scope::Global;
        // These count only where they have the keyboard.
        let elsewhere =
            matches!(entry.scope, Scope::List | Scope::Console | Scope::Copying) && !here.contains(&entry.scope);
        if moves && needle.is_empty() || elsewhere {
            continue;
        }
        let line = format!("{} {} {}", entry.name, entry.does, entry.scope.word()).to_lowercase();
        if let Some(score) = score(&line, &needle) {
            found.push(((!here.contains(&entry.scope), score), entry));
        }
    }
    found.sort_by_key(|(score, _)| *score);
    let mut told = HashSet::new();
    let entries = found.into_iter().map(|(_, entry)| entry);
    // What several parts of the screen can do is there once.
    entries
        .filter(|entry| told.insert((entry.action, entry.does)))
        .collect()
}

/// How well a line matches: every word typed must be in it; the earlier the better.
fn score(line: &str, needle: &str) -> Option<usize> {
    needle.split_whitespace().map(|word| line.find(word)).sum()
}

/// The line of text that is being edited in the status line, and what it is for.
#[derive(Clone, Debug)]
pub struct Prompt {
    /// What it is for.
    pub purpose: Purpose,
    /// What is typed.
    pub input: Input,
}

/// What a text is typed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// What rows, lines or boxes must have in them.
    Filter,
    /// What to look for.
    Search,
    /// The file to save to.
    Save,
    /// The body of a PATCH.
    Patch,
    /// A request to a BMC.
    Request,
}

impl Purpose {
    /// What stands before the text.
    pub fn title(self) -> &'static str {
        match self {
            Self::Filter => "filter: ",
            Self::Search => "search: ",
            Self::Save => "save to: ",
            Self::Patch => "PATCH body: ",
            Self::Request => "request: ",
        }
    }
}
