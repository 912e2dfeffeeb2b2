//! A console as a pseudo terminal, for programs that want a serial device: `picocom`, `screen`, `minicom`.
//!
//! It is always there, and mostly nobody has it open. What nobody reads stays in the kernel's buffer of some KiB, and when
//! that is full this client of the hub waits, as any slow one. Whoever opens it (inotify tells) begins with the last
//! screenful, not with what was left in that buffer. The engine keeps the slave open, too: the kernel would reset its
//! settings, echo among them, whenever the last program closes it.

use std::{
    io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use bytes::BytesMut;
use nix::{
    sys::{
        inotify::{AddWatchFlags, InitFlags, Inotify},
        termios::{FlushArg, tcflush},
    },
    unistd::{read, write},
};
use tokio::io::unix::AsyncFd;

use super::{
    hub::Console,
    reader::{Reader, Since},
};
use crate::pty::{self, Pty};

/// The most that is read from a program at once, in bytes.
const INPUT_SIZE: usize = 4096;

/// The name beside a console's socket that leads to its terminal.
pub fn link_path(socket: &Path) -> PathBuf {
    socket.with_extension("pty")
}

/// A console's terminal, ready to be served.
pub struct Terminal {
    master: AsyncFd<OwnedFd>,
    slave: OwnedFd,
    /// Readable after somebody has opened the slave.
    opened: AsyncFd<OwnedFd>,
}

impl Terminal {
    /// Lets bytes through a pseudo terminal as they are, and watches for those who open it. Needs a tokio runtime.
    pub fn new(pty: Pty) -> io::Result<Self> {
        pty::make_raw(&pty.slave)?;
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
        inotify.add_watch(&pty.path, AddWatchFlags::IN_OPEN)?;
        // SAFETY: an `OwnedFd` keeps its descriptor open, and the same, for as long as its `AsyncFd` holds it.
        let (master, opened) = unsafe {
            (
                AsyncFd::register(pty.master)?,
                AsyncFd::register(OwnedFd::from(inotify))?,
            )
        };
        Ok(Self {
            master,
            slave: pty.slave,
            opened,
        })
    }

    /// Serves whoever opens the terminal until the console is closed.
    pub(super) async fn serve(self, console: Console, closed: impl Future<Output = ()>) {
        let ended = tokio::select! {
            biased;
            ended = self.output(&console) => ended,
            ended = self.input(&console) => ended,
            () = closed => Ok(()),
        };
        if let Err(error) = ended {
            tracing::warn!("the terminal of a console is of no use any more: {error}");
        }
    }

    async fn output(&self, console: &Console) -> io::Result<()> {
        self.opened().await?;
        loop {
            tcflush(&self.slave, FlushArg::TCIFLUSH)?;
            tokio::select! {
                shown = self.show(console.reader(Since::Screen)) => return shown,
                opened = self.opened() => opened?,
            }
        }
    }

    /// Waits until somebody opens it.
    async fn opened(&self) -> io::Result<()> {
        let mut events = [0; 4096];
        let count = self
            .opened
            .async_io(tokio::io::Interest::READABLE, |inotify| Ok(read(inotify, &mut events)?));
        // Who it was and how many is of no interest.
        count.await.map(drop)
    }

    async fn show(&self, mut reader: Reader) -> io::Result<()> {
        while reader.ready().await {
            let mut ready = self.master.writable().await?;
            let written = ready.try_io(|master| {
                let mut result = Ok(0);
                reader.take(|old, new| {
                    result = write(master, if old.is_empty() { new } else { old });
                    result.unwrap_or(0)
                });
                Ok(result?)
            });
            if let Ok(Err(error)) = written {
                return Err(error);
            }
        }
        Ok(())
    }

    async fn input(&self, console: &Console) -> io::Result<()> {
        let mut buffer = BytesMut::zeroed(INPUT_SIZE);
        loop {
            let count = self
                .master
                .async_io(tokio::io::Interest::READABLE, |master| Ok(read(master, &mut buffer)?));
            let count = count.await?;
            let typed = buffer.split_to(count).freeze();
            buffer.resize(INPUT_SIZE, 0);
            if console.send(typed).await.is_err() {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{File, OpenOptions},
        io::{Read, Write},
        os::unix::fs::{OpenOptionsExt, PermissionsExt},
        time::Duration,
    };

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::UnixStream,
        time::timeout,
    };

    use super::*;
    use crate::store::{State, Store};

    struct Fixture {
        _dir: tempfile::TempDir,
        console: Console,
        guest: UnixStream,
        path: PathBuf,
    }

    impl Fixture {
        async fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let (socket, log) = (dir.path().join("socket"), dir.path().join("x.console.log"));
            let console = Console::open("node/x", &socket, &log, Store::new(State::default())).unwrap();
            let pty = Pty::open().unwrap();
            let path = pty.path.clone();
            console.offer(Terminal::new(pty).unwrap());
            let (near, guest) = UnixStream::pair().unwrap();
            console.attach(near).await.unwrap();
            Self {
                _dir: dir,
                console,
                guest,
                path,
            }
        }

        /// Opens the terminal as a program would, and reads it on a thread that may block.
        fn open(&self) -> File {
            let noctty = nix::fcntl::OFlag::O_NOCTTY.bits();
            OpenOptions::new()
                .read(true)
                .write(true)
                .custom_flags(noctty)
                .open(&self.path)
                .unwrap()
        }

        /// What the terminal shows, up to `end`.
        async fn shows(terminal: &File, end: &'static str) -> String {
            let mut terminal = terminal.try_clone().unwrap();
            let reading = tokio::task::spawn_blocking(move || {
                let (mut seen, mut byte) = (vec![], [0]);
                while !seen.ends_with(end.as_bytes()) {
                    terminal.read_exact(&mut byte).unwrap();
                    seen.extend(byte);
                }
                String::from_utf8(seen).unwrap()
            });
            timeout(Duration::from_secs(20), reading).await.expect(end).unwrap()
        }
    }

    #[tokio::test]
    async fn a_program_sees_the_last_screenful_and_types() {
        let mut fixture = Fixture::new().await;
        let mode = std::fs::metadata(&fixture.path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fixture.guest.write_all(b"login: ").await.unwrap();
        let mut reader = fixture.console.reader(Since::Start);
        reader.next().await.unwrap();
        for _ in 0..2 {
            let mut terminal = fixture.open();
            assert_eq!(Fixture::shows(&terminal, "login: ").await, "login: ");
            terminal.write_all(b"\x03\x11\r").unwrap();
            let mut typed = [0; 3];
            fixture.guest.read_exact(&mut typed).await.unwrap();
            assert_eq!(
                &typed, b"\x03\x11\r",
                "nothing of it means anything to the terminal, nor is it echoed"
            );
        }
        fixture.console.close().await;
    }

    #[tokio::test]
    async fn a_terminal_that_nobody_reads_holds_nobody_up() {
        const FLOOD: usize = 4 << 20;
        let mut fixture = Fixture::new().await;
        let stopped = fixture.open();
        fixture.guest.write_all(&vec![b'x'; FLOOD]).await.unwrap();
        fixture.guest.write_all(b"\r\nlogin: ").await.unwrap();
        let mut reader = fixture.console.reader(Since::Screen);
        let mut seen = vec![];
        while !seen.ends_with(b"login: ") {
            seen.extend(
                timeout(Duration::from_secs(20), reader.next())
                    .await
                    .unwrap()
                    .unwrap()
                    .bytes,
            );
        }
        // Whoever opens it next sees the present, not what waited.
        drop(stopped);
        let terminal = fixture.open();
        let shown = Fixture::shows(&terminal, "login: ").await;
        assert!(shown.len() <= 4096 * 3, "{} bytes", shown.len());
        fixture.console.close().await;
    }
}
