//! A program on a terminal of its own, as a person has it.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::process::{CommandExt as _, ExitStatusExt as _},
    },
    process::{Child, Command},
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant},
};

use nix::{
    pty::{Winsize, openpty},
    sys::{
        signal::{Signal, kill},
        termios::{Termios, tcgetattr},
    },
    unistd::{Pid, setsid},
};

nix::ioctl_write_ptr_bad!(set_window_size, nix::libc::TIOCSWINSZ, Winsize);
nix::ioctl_write_int_bad!(control_terminal, nix::libc::TIOCSCTTY);

/// A terminal with a program on it; the program is killed when this is dropped.
pub struct Terminal {
    child: Child,
    master: File,
    /// Held, so that its settings can be looked at after the program's end.
    slave: OwnedFd,
    shown: Receiver<Vec<u8>>,
    transcript: Vec<u8>,
    /// How much of it has been matched.
    position: usize,
    pub settings: Termios,
}

fn size(cols: u16, rows: u16) -> Winsize {
    Winsize {
        ws_row: rows,
        ws_col: cols,
        ws_xpixel: 0,
        ws_ypixel: 0,
    }
}

impl Terminal {
    /// Starts a program on a terminal of 90 columns and 33 rows.
    pub fn start(mut command: Command) -> Self {
        let pty = openpty(Some(&size(90, 33)), None).unwrap();
        let end = || pty.slave.try_clone().unwrap();
        command.stdin(end()).stdout(end()).stderr(end());
        let lead = || {
            setsid()?;
            // SAFETY: the ioctl takes a number and touches no memory.
            unsafe { control_terminal(0, 0) }?;
            Ok(())
        };
        // SAFETY: only system calls, which may be made between fork and exec.
        unsafe { command.pre_exec(lead) };
        let settings = tcgetattr(&pty.slave).unwrap();
        let child = command.spawn().unwrap();
        let master = File::from(pty.master);
        let mut reader = master.try_clone().unwrap();
        let (sender, shown) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self {
            child,
            master,
            slave: pty.slave,
            shown,
            transcript: Vec::new(),
            position: 0,
            settings,
        }
    }

    /// Types.
    pub fn types(&mut self, keys: impl AsRef<[u8]>) {
        self.master.write_all(keys.as_ref()).unwrap();
    }

    /// Waits until `needle` is shown after what was matched before.
    pub fn sees(&mut self, needle: &str, seconds: u64) {
        let deadline = Instant::now() + Duration::from_secs(seconds);
        loop {
            let text = String::from_utf8_lossy(&self.transcript[self.position..]).into_owned();
            if let Some(start) = text.find(needle) {
                self.position += start + needle.len();
                return;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(bytes) = self.shown.recv_timeout(left) else {
                panic!("{needle:?} is not in {text:?}")
            };
            self.transcript.extend(bytes.iter().filter(|byte| byte.is_ascii()));
        }
    }

    /// Gives the terminal another size.
    pub fn resize(&self, cols: u16, rows: u16) {
        use std::os::fd::AsRawFd as _;
        let size = size(cols, rows);
        // SAFETY: the descriptor is open, and the kernel reads one `winsize`.
        unsafe { set_window_size(self.master.as_raw_fd(), &raw const size) }.unwrap();
    }

    /// The terminal's settings now.
    pub fn settings_now(&self) -> Termios {
        tcgetattr(self.slave.as_fd()).unwrap()
    }

    /// Sends a signal to the program.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
    }

    /// Waits for the program's end; its exit status, or 128 and the signal's number. The terminal must be as it was before.
    pub fn ends(mut self, seconds: u64) -> i32 {
        let deadline = Instant::now() + Duration::from_secs(seconds);
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "it still runs: {}", self.told());
            std::thread::sleep(Duration::from_millis(10));
        };
        assert_eq!(self.settings_now(), self.settings, "the terminal was not given back");
        status.code().unwrap_or_else(|| 128 + status.signal().unwrap())
    }

    fn told(&self) -> String {
        String::from_utf8_lossy(&self.transcript).into_owned()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
