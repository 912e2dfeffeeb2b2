//! What a guest asks of its terminal beside showing text.

use std::{cell::RefCell, rc::Rc, time::Duration};

use alacritty_terminal::{
    event::{Event, EventListener},
    vte::ansi::Timeout,
};

/// Answers to a guest that asks for more of them than it takes are dropped.
const REPLIES: usize = 64 * 1024;

/// What a guest asked of its terminal.
#[derive(Default)]
pub struct Heard {
    /// What is to be sent back.
    pub replies: Vec<u8>,
    /// The title it gave itself.
    pub title: Option<String>,
    /// Whether the bell rang.
    pub bell: bool,
}

/// Hears what a guest asks for.
#[derive(Clone)]
pub struct Ear(pub Rc<RefCell<Heard>>);

impl EventListener for Ear {
    fn send_event(&self, event: Event) {
        let mut heard = self.0.borrow_mut();
        match event {
            Event::PtyWrite(text) if heard.replies.len() + text.len() <= REPLIES => {
                heard.replies.extend_from_slice(text.as_bytes());
            }
            Event::Title(title) => heard.title = Some(title.chars().take(200).collect()),
            Event::ResetTitle => heard.title = None,
            Event::Bell => heard.bell = true,
            _ => {}
        }
    }
}

/// Synchronized updates of guests are shown as they come: a guest that begins one and never ends it hides nothing.
#[derive(Default)]
pub struct Unsynchronized;

impl Timeout for Unsynchronized {
    fn set_timeout(&mut self, _: Duration) {}

    fn clear_timeout(&mut self) {}

    fn pending_timeout(&self) -> bool {
        false
    }
}
