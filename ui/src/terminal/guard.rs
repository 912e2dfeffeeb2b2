//! Who has the terminal: a guard that gives it back when dropped, and whoever ends this process in another way calls the same.

use std::{
    io::{self, IsTerminal as _, Write as _},
    sync::{
        Once,
        atomic::{AtomicBool, Ordering},
    },
};

use crossterm::{
    cursor::{SetCursorStyle, Show},
    event::{
        DisableBracketedPaste, DisableFocusChange, DisableMouseCapture, EnableBracketedPaste, EnableFocusChange,
        EnableMouseCapture,
    },
    queue,
    style::ResetColor,
    terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode},
};

/// Whether the terminal is taken now.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Why there is no screen to draw on.
#[derive(Debug, thiserror::Error)]
pub enum TerminalError {
    /// Standard input or output is something else.
    #[error(
        "standard input and output must be a terminal for the console; run the lab without it: `placemat2 --headless FILES`, and look \
         into it with `pmctl2`"
    )]
    None,
    /// It can't be drawn on.
    #[error(
        "TERM=dumb is a terminal that can't show the console; set TERM to what it is (`TERM=xterm`), or run the lab without it: \
         `placemat2 --headless FILES`, and look into it with `pmctl2`"
    )]
    Dumb,
    /// The terminal refused something.
    #[error("the terminal can't be used: {0}")]
    System(#[from] io::Error),
}

/// Whether there is a terminal that a screen can be drawn on.
pub fn usable() -> Result<(), TerminalError> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Err(TerminalError::None);
    }
    if std::env::var_os("TERM").is_some_and(|term| term == "dumb") {
        return Err(TerminalError::Dumb);
    }
    Ok(())
}

/// The terminal as long as it is taken.
#[derive(Debug)]
pub struct Guard(());

impl Guard {
    /// Takes the terminal: raw mode, alternate screen, pastes in brackets, focus, and the mouse if wanted. A panic gives it
    /// back before it is told.
    pub fn take(with_mouse: bool) -> Result<Self, TerminalError> {
        static HOOK: Once = Once::new();
        usable()?;
        HOOK.call_once(|| {
            let told = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |info| {
                give_back();
                told(info);
            }));
        });
        enable_raw_mode()?;
        TAKEN.store(true, Ordering::SeqCst);
        let guard = Self(());
        let mut out = Vec::new();
        queue!(out, EnterAlternateScreen, EnableBracketedPaste, EnableFocusChange)?;
        if with_mouse {
            queue!(out, EnableMouseCapture)?;
        }
        write(&out)?;
        Ok(guard)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        give_back();
    }
}

/// Gives the terminal back, if it is taken: every mode as it was. May be called from anywhere.
pub fn give_back() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    // There is nobody to tell if the terminal is gone.
    let mut out = Vec::new();
    // An update that was begun is ended first, or the terminal would show nothing of what follows.
    out.extend_from_slice(b"\x1b[?2026l");
    let _ = queue!(
        out,
        DisableMouseCapture,
        DisableFocusChange,
        DisableBracketedPaste,
        ResetColor,
        SetCursorStyle::DefaultUserShape,
        Show,
        LeaveAlternateScreen
    );
    let _ = write(&out);
    let _ = disable_raw_mode();
}

/// Takes the mouse, or gives it back.
pub fn mouse(on: bool) -> io::Result<()> {
    let mut out = Vec::new();
    if on {
        queue!(out, EnableMouseCapture)?;
    } else {
        queue!(out, DisableMouseCapture)?;
    }
    write(&out)
}

fn write(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}
