//! A person at a terminal, played by a test: a PTY with a program on it, and what its screen shows.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    os::{
        fd::{AsFd as _, AsRawFd as _, OwnedFd},
        unix::process::CommandExt as _,
    },
    process::{Child, Command, ExitStatus},
    time::{Duration, Instant},
};

use nix::{
    libc,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    pty::{Winsize, openpty},
    sys::termios::{Termios, tcgetattr},
};
use placemat2_ui::emulator::{Emulator, Size};

/// Modes a program may leave on, by their numbers: cursor, mouse, focus, alternate screen, pastes, updates.
const MODES: [u16; 10] = [25, 1000, 1002, 1003, 1004, 1006, 1015, 1049, 2004, 2026];

/// A program on a terminal of its own.
pub struct Pty {
    master: File,
    slave: OwnedFd,
    child: Child,
    emulator: Emulator,
    before: Termios,
    transcript: Vec<u8>,
}

fn winsize((columns, rows): (u16, u16)) -> Winsize {
    Winsize {
        ws_row: rows,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    }
}

impl Pty {
    /// Starts a program on a terminal of that size.
    pub fn start(mut command: Command, size: (u16, u16)) -> Self {
        let pty = openpty(Some(&winsize(size)), None).unwrap();
        let before = tcgetattr(&pty.slave).unwrap();
        let end = || pty.slave.try_clone().unwrap();
        command.stdin(end()).stdout(end()).stderr(end());
        command
            .env("TERM", "xterm-256color")
            .env("LANG", "C.UTF-8")
            .env_remove("NO_COLOR")
            .env_remove("LC_ALL");
        // SAFETY: these calls are safe between fork and exec, and touch no memory of this process.
        unsafe {
            command.pre_exec(|| {
                nix::unistd::setsid()?;
                if libc::ioctl(0, libc::TIOCSCTTY, 0) < 0 {
                    return Err(std::io::Error::last_os_error());
                }
                Ok(())
            });
        }
        Self {
            master: File::from(pty.master),
            child: command.spawn().unwrap(),
            slave: pty.slave,
            emulator: Emulator::new(Size::new(size.0, size.1)),
            before,
            transcript: Vec::new(),
        }
    }

    /// Types.
    pub fn send(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).unwrap();
    }

    /// Gives the terminal another size.
    pub fn resize(&mut self, size: (u16, u16)) {
        let wanted = winsize(size);
        // SAFETY: the descriptor is open, and the kernel only reads the structure.
        let done = unsafe { libc::ioctl(self.master.as_raw_fd(), libc::TIOCSWINSZ, &raw const wanted) };
        assert_eq!(done, 0);
        self.emulator.resize(Size::new(size.0, size.1));
    }

    /// What the terminal shows.
    pub fn screen(&self) -> String {
        self.emulator.all_text()
    }

    /// Waits until the screen is so; fails, with the screen, after `seconds`.
    pub fn until(&mut self, what: &str, seconds: u64, condition: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(seconds);
        while !condition(&self.screen()) {
            assert!(
                Instant::now() < deadline,
                "{what}: not within {seconds} s:\n{}",
                self.screen()
            );
            self.read();
        }
    }

    /// Waits until the screen shows a text.
    pub fn expect(&mut self, text: &str) {
        self.until(text, 60, |screen| screen.contains(text));
    }

    /// Reads bytes as they come, waiting for them for a moment; what the terminal shows does not follow.
    pub fn bytes(&mut self) -> Vec<u8> {
        let mut fds = [PollFd::new(self.master.as_fd(), PollFlags::POLLIN)];
        let mut buffer = vec![0; 64 * 1024];
        let there = poll(&mut fds, PollTimeout::from(50u8)).unwrap() > 0;
        let count = if there {
            self.master.read(&mut buffer).unwrap_or(0)
        } else {
            0
        };
        buffer.truncate(count);
        buffer
    }

    /// Reads what is there, waiting a moment for it.
    fn read(&mut self) {
        let mut fds = [PollFd::new(self.master.as_fd(), PollFlags::POLLIN)];
        if poll(&mut fds, PollTimeout::from(50u8)).unwrap() == 0 {
            return;
        }
        let mut buffer = [0; 16 * 1024];
        let count = self.master.read(&mut buffer).unwrap_or(0);
        self.emulator.write(&buffer[..count]);
        self.transcript.extend_from_slice(&buffer[..count]);
        let replies = self.emulator.replies();
        self.master.write_all(&replies).unwrap();
    }

    /// Process id of the program.
    pub fn pid(&self) -> nix::unistd::Pid {
        nix::unistd::Pid::from_raw(self.child.id().cast_signed())
    }

    /// Waits until a process of the terminal is stopped or goes on, as `state` in `/proc` tells.
    pub fn until_state(&mut self, state: char) {
        let deadline = Instant::now() + Duration::from_secs(60);
        let path = format!("/proc/{}/stat", self.child.id());
        loop {
            let stat = std::fs::read_to_string(&path).unwrap();
            if stat.rsplit(')').next().unwrap().trim_start().starts_with(state) {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "the program is not {state}: {stat}\n{}",
                self.screen()
            );
            self.read();
        }
    }

    /// Waits for the program's end.
    pub fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            self.read();
            if let Some(status) = self.child.try_wait().unwrap() {
                // What it wrote last.
                self.read();
                return status;
            }
            assert!(
                Instant::now() < deadline,
                "the program does not end:\n{}",
                self.screen()
            );
        }
    }

    /// The terminal is as it was before the program: its modes, and those the program turned on.
    pub fn assert_given_back(&mut self) {
        self.read();
        assert_eq!(
            tcgetattr(&self.slave).unwrap(),
            self.before,
            "the line's modes have changed"
        );
        let text = String::from_utf8_lossy(&self.transcript);
        for mode in MODES {
            let (on, off) = (
                text.rfind(&format!("\x1b[?{mode}h")),
                text.rfind(&format!("\x1b[?{mode}l")),
            );
            // The cursor is what is on before.
            let given_back = if mode == 25 { off <= on } else { on <= off };
            assert!(given_back, "mode {mode} is as the program left it");
        }
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
