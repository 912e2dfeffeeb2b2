//! Frames: drawn into memory, sent to the terminal as one synchronized update by a thread of their own, so that a terminal
//! that takes its time keeps nobody from reading keys.

use std::{
    cell::RefCell,
    io::{self, Write},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread::JoinHandle,
};

use ratatui::{Terminal, TerminalOptions, Viewport, backend::CrosstermBackend, layout::Rect};
use tokio::sync::Notify;

use crate::{model::Model, view};

/// Begins and ends an update that the terminal shows at once (DEC private mode 2026).
const BEGIN: &[u8] = b"\x1b[?2026h";
const END: &[u8] = b"\x1b[?2026l";

/// What is drawn and not yet sent.
#[derive(Clone, Default)]
struct Pending(Rc<RefCell<Vec<u8>>>);

impl Write for Pending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        // A frame is whole only when all of it is drawn.
        Ok(())
    }
}

/// The screen of the user.
pub struct Screen {
    terminal: Terminal<CrosstermBackend<Pending>>,
    pending: Pending,
    size: (u16, u16),
}

impl Screen {
    /// A screen of that size of which nothing is drawn.
    pub fn new(size: (u16, u16)) -> io::Result<Self> {
        let pending = Pending::default();
        let terminal = Self::terminal(&pending, size)?;
        Ok(Self {
            terminal,
            pending,
            size,
        })
    }

    fn terminal(pending: &Pending, (columns, rows): (u16, u16)) -> io::Result<Terminal<CrosstermBackend<Pending>>> {
        let viewport = Viewport::Fixed(Rect::new(0, 0, columns, rows));
        Terminal::with_options(CrosstermBackend::new(pending.clone()), TerminalOptions { viewport })
    }

    /// Forgets what is on the terminal: the next frame draws everything.
    pub fn clear(&mut self) -> io::Result<()> {
        self.terminal = Self::terminal(&self.pending, self.size)?;
        self.pending.0.borrow_mut().extend_from_slice(b"\x1b[0m\x1b[2J");
        Ok(())
    }

    /// Draws what has changed; returns the bytes that tell the terminal, none if nothing has.
    pub fn frame(&mut self, model: &Model) -> io::Result<Vec<u8>> {
        if self.size != model.size {
            self.size = model.size;
            self.clear()?;
        }
        if self.size.0 == 0 || self.size.1 == 0 {
            return Ok(Vec::new());
        }
        self.terminal.draw(|frame| {
            let cursor = view::draw(model, frame.buffer_mut());
            if let Some(cursor) = cursor {
                frame.set_cursor_position(cursor);
            }
        })?;
        let drawn = std::mem::take(&mut *self.pending.0.borrow_mut());
        Ok([BEGIN, &drawn, END].concat())
    }
}

/// The way to the terminal.
pub struct Outlet {
    frames: Option<mpsc::SyncSender<Vec<u8>>>,
    busy: Arc<AtomicBool>,
    /// Told when a frame has been sent.
    pub sent: Arc<Notify>,
    thread: Option<JoinHandle<()>>,
}

impl Outlet {
    /// Starts the thread that sends.
    pub fn start() -> io::Result<Self> {
        let (frames, queue) = mpsc::sync_channel::<Vec<u8>>(1);
        let busy = Arc::new(AtomicBool::new(false));
        let sent = Arc::new(Notify::new());
        let (idle, told) = (Arc::clone(&busy), Arc::clone(&sent));
        let thread = std::thread::Builder::new().name("screen".into()).spawn(move || {
            for frame in queue {
                let mut stdout = io::stdout().lock();
                // A terminal that is gone is told by its signal.
                let _ = stdout.write_all(&frame).and_then(|()| stdout.flush());
                drop(stdout);
                idle.store(false, Ordering::SeqCst);
                told.notify_one();
            }
        })?;
        Ok(Self {
            frames: Some(frames),
            busy,
            sent,
            thread: Some(thread),
        })
    }

    /// Whether the terminal has not taken the last frame yet.
    pub fn is_busy(&self) -> bool {
        self.busy.load(Ordering::SeqCst)
    }

    /// Sends a frame. Only while the outlet is not busy.
    pub fn send(&self, frame: Vec<u8>) {
        if let Some(frames) = &self.frames {
            self.busy.store(true, Ordering::SeqCst);
            if frames.try_send(frame).is_err() {
                self.busy.store(false, Ordering::SeqCst);
            }
        }
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        self.frames = None;
        // What was sent is to be on the terminal before that is given back.
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
