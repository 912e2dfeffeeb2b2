//! The terminal that `pmctl2` was called from: every key as it is typed, and the terminal given back as it was found.

use std::{
    io::{self, IsTerminal as _, Write as _},
    os::fd::{AsFd, AsRawFd as _, OwnedFd},
};

use nix::sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};

nix::ioctl_read_bad!(get_window_size, nix::libc::TIOCGWINSZ, nix::libc::winsize);

/// What a guest may have set and nobody wants on: the alternate screen, mouse and focus reports, bracketed paste, keypad and cursor
/// keys of applications, no line wrap (as SeaBIOS has it), a hidden cursor, line drawing characters, colours.
const CALM: &[u8] = b"\x1b[?1047l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1004l\x1b[?2004l\x1b[?1l\x1b>\x1b[?7h\x1b[?25h\x1b(B\x0f\x1b[0m";

/// The terminal in raw mode. It is given back when this is dropped, by a panic, too.
pub struct RawTerminal {
    terminal: OwnedFd,
    before: Termios,
}

impl RawTerminal {
    /// Lets every key through; `None` if standard input is no terminal.
    pub fn enter() -> io::Result<Option<Self>> {
        let stdin = io::stdin();
        if !stdin.is_terminal() {
            return Ok(None);
        }
        let terminal = stdin.as_fd().try_clone_to_owned()?;
        let before = tcgetattr(&terminal)?;
        let mut raw = before.clone();
        cfmakeraw(&mut raw);
        tcsetattr(&terminal, SetArg::TCSANOW, &raw)?;
        Ok(Some(Self { terminal, before }))
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        let mut stdout = io::stdout().lock();
        if stdout.is_terminal() {
            // A terminal that is gone needs no calming.
            let _ = stdout.write_all(CALM).and_then(|()| stdout.flush());
        }
        let _ = tcsetattr(&self.terminal, SetArg::TCSANOW, &self.before);
    }
}

/// Columns and rows of the terminal; `None` if there is none, or it does not know.
pub fn size() -> Option<(u16, u16)> {
    let mut size = nix::libc::winsize {
        ws_row: 0,
        ws_col: 0,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    // SAFETY: the kernel writes one `winsize`, or fails.
    unsafe { get_window_size(io::stdin().as_fd().as_raw_fd(), &raw mut size) }.ok()?;
    (size.ws_col > 0 && size.ws_row > 0).then_some((size.ws_col, size.ws_row))
}
