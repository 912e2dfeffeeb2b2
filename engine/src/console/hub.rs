//! The hub: one task that holds a node's serial socket, and the handles through which others read and write it.

use std::{
    io,
    os::fd::AsRawFd,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, atomic::AtomicU64},
};

use bytes::{Buf, Bytes};
use nix::sys::socket::{MsgFlags, recv};
use tokio::{
    net::{UnixListener, UnixStream},
    sync::{mpsc, oneshot, watch},
};
use tokio_util::sync::CancellationToken;

use super::{
    client::{self, Access, Connection},
    history::History,
    log::{self, Progress},
    reader::{Reader, Shared, Since},
    ring::CAPACITY,
    socket::bind_private,
    terminal::Terminal,
};
use crate::store::Store;

/// Pieces of input that wait for a guest that doesn't read.
const INPUT_QUEUE: usize = 16;

/// What goes wrong with a console.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    /// Its socket could not be made.
    #[error("cannot make the console socket {path}: {source}. `--run-dir` moves it")]
    Socket {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The lab is going down.
    #[error("the console is closed")]
    Closed,
}

/// A node's serial console. Cheap to clone.
#[derive(Clone)]
pub struct Console {
    shared: Arc<Shared>,
    history: Arc<History>,
    input: mpsc::Sender<Bytes>,
    control: mpsc::Sender<Control>,
}

enum Control {
    /// A serial port, and who waits until it is followed.
    Attach(UnixStream, oneshot::Sender<()>),
    Close,
}

impl Console {
    /// Makes the console of a node: listens on `socket` at once, and keeps all that the guest writes in the file `log`.
    /// `object` is the node's id, for events. Needs a tokio runtime.
    pub fn open(object: &str, socket: &Path, log: &Path, store: Store) -> Result<Self, ConsoleError> {
        let listener = bind_private(socket).and_then(UnixListener::from_std);
        let listener = listener.map_err(|source| ConsoleError::Socket {
            path: socket.into(),
            source,
        })?;
        let (input, input_receiver) = mpsc::channel(INPUT_QUEUE);
        let (control, control_receiver) = mpsc::channel(1);
        let shared = Arc::new(Shared {
            ring: Mutex::default(),
            end: watch::Sender::new(0),
            begin: AtomicU64::new(0),
            closed: CancellationToken::new(),
        });
        let (logged, logged_receiver) = watch::channel(Progress::default());
        let console = Self {
            shared: shared.clone(),
            history: Arc::new(History::new(log, logged_receiver.clone())),
            input,
            control,
        };
        let log = log::keep(console.reader(Since::Start), log.into(), logged, object.into(), store);
        let log = tokio::spawn(log);
        tokio::spawn(client::accept(listener, console.clone(), shared.closed.clone()));
        let hub = Hub {
            shared,
            serial: None,
            logged: logged_receiver,
            input: input_receiver,
            pending: Bytes::new(),
        };
        let socket = socket.to_owned();
        tokio::spawn(async move {
            // The receiver lives until everything is done: `close` waits for its end.
            let mut control = control_receiver;
            hub.run(&mut control).await;
            drop(log.await);
            drop(tokio::fs::remove_file(socket).await);
        });
        Ok(console)
    }

    /// Follows a serial port from now on, until its other end is closed. What was left to read of the one before is
    /// read first.
    pub async fn attach(&self, serial: UnixStream) -> Result<(), ConsoleError> {
        let (attached, done) = oneshot::channel();
        let attach = Control::Attach(serial, attached);
        self.control.send(attach).await.map_err(|_| ConsoleError::Closed)?;
        done.await.map_err(|_| ConsoleError::Closed)
    }

    /// Types into the console. Waits while the guest doesn't read; what is typed while the node is off is dropped.
    pub async fn send(&self, input: Bytes) -> Result<(), ConsoleError> {
        self.input.send(input).await.map_err(|_| ConsoleError::Closed)
    }

    /// A new reader.
    pub fn reader(&self, since: Since) -> Reader {
        Reader::new(self.shared.clone(), since)
    }

    /// A new reader, of what the machine wrote since it was last switched on or reset.
    pub fn reader_of_this_run(&self) -> Reader {
        Reader::of_this_run(self.shared.clone())
    }

    /// Notes that the machine begins anew: it was reset.
    pub fn begin_run(&self) {
        self.shared.begin();
    }

    /// A new client: what the guest writes can be read from the stream, and what is written to it is typed if `access`
    /// allows. It ends when the stream's other end is closed, or the console.
    pub fn connect(&self, since: Since, access: Access) -> io::Result<Connection> {
        let (near, stream) = UnixStream::pair()?;
        let (console, reader) = (self.clone(), self.reader(since));
        let replay = reader.behind();
        tokio::spawn(async move { client::serve(&near, &console, reader, access).await });
        Ok(Connection { stream, replay })
    }

    /// Serves a terminal, too.
    pub(crate) fn offer(&self, terminal: Terminal) {
        let (console, closed) = (self.clone(), self.shared.closed.clone());
        tokio::spawn(async move { terminal.serve(console, closed.cancelled()).await });
    }

    /// What the guest wrote since the lab was started, from the log file.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Ends the console: what was read is in the log, readers have ended and the socket is gone when this returns.
    pub async fn close(&self) {
        // An error says that it is closed already.
        drop(self.control.send(Control::Close).await);
        self.control.closed().await;
    }
}

struct Hub {
    shared: Arc<Shared>,
    serial: Option<UnixStream>,
    /// How far the log is. What it has not got yet is not overwritten: nothing is missing in the log, and a guest that
    /// writes faster than the disk is held back at its serial port.
    logged: watch::Receiver<Progress>,
    input: mpsc::Receiver<Bytes>,
    /// Input the serial port didn't take yet.
    pending: Bytes,
}

impl Hub {
    async fn run(mut self, control: &mut mpsc::Receiver<Control>) {
        loop {
            let space = self.space();
            tokio::select! {
                control = control.recv() => match control {
                    Some(Control::Attach(serial, attached)) => {
                        self.drain().await;
                        self.serial = Some(serial);
                        self.shared.begin();
                        // Who asked may have given up.
                        let _ = attached.send(());
                        self.pending.clear();
                    }
                    Some(Control::Close) | None => break,
                },
                Some(input) = self.input.recv(), if self.pending.is_empty() => {
                    if self.serial.is_some() {
                        self.pending = input;
                    }
                }
                () = readable(self.serial.as_ref()), if space > 0 => drop(self.read(UnixStream::try_read)),
                _ = self.logged.changed(), if space == 0 => {}
                () = writable(self.serial.as_ref()), if !self.pending.is_empty() => self.write(),
            }
        }
        self.drain().await;
        self.shared.closed.cancel();
    }

    /// How many bytes can be read without overwriting what the log has not got.
    fn space(&mut self) -> usize {
        if self.logged.has_changed().is_err() {
            // No log, nothing to wait for.
            return CAPACITY;
        }
        let behind = *self.shared.end.borrow() - self.logged.borrow_and_update().position;
        CAPACITY.saturating_sub(usize::try_from(behind).unwrap_or(CAPACITY))
    }

    /// Reads once; the kernel writes straight into the ring.
    fn read(&mut self, read: impl FnOnce(&UnixStream, &mut [u8]) -> io::Result<usize>) -> io::Result<()> {
        let limit = self.space();
        let Some(serial) = &self.serial else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        let mut ring = self.shared.ring();
        let result = ring.fill(limit, |space| read(serial, space));
        let end = ring.end();
        drop(ring);
        match result {
            Ok(count) if count > 0 => {
                self.shared.end.send_replace(end);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(error),
            // The other end was closed: the machine is off.
            _ => {
                self.serial = None;
                self.pending.clear();
                Err(io::ErrorKind::NotConnected.into())
            }
        }
    }

    /// Reads all that a serial port has left.
    async fn drain(&mut self) {
        loop {
            if self.space() == 0 {
                if self.logged.changed().await.is_err() {
                    return;
                }
            } else if self.read(read_now).is_err() {
                return;
            }
        }
    }

    fn write(&mut self) {
        let Some(serial) = &self.serial else { return };
        match serial.try_write(&self.pending) {
            Ok(count) => self.pending.advance(count),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            // That the port is gone is for the reading side to find, after what is left to read.
            Err(_) => self.pending.clear(),
        }
    }
}

/// Reads what is there now, also where the runtime has not heard of it yet.
fn read_now(serial: &UnixStream, space: &mut [u8]) -> io::Result<usize> {
    Ok(recv(serial.as_raw_fd(), space, MsgFlags::MSG_DONTWAIT)?)
}

async fn readable(serial: Option<&UnixStream>) {
    match serial {
        // An error shows when it is read.
        Some(serial) => drop(serial.readable().await),
        None => std::future::pending().await,
    }
}

async fn writable(serial: Option<&UnixStream>) {
    match serial {
        Some(serial) => drop(serial.writable().await),
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::store::State;

    struct Fixture {
        dir: tempfile::TempDir,
        store: Store,
        console: Console,
    }

    impl Fixture {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let store = Store::new(State::default());
            let log = dir.path().join("logs/boot-0.console.log");
            let console = Console::open("node/boot-0", &dir.path().join("socket"), &log, store.clone()).unwrap();
            Self { dir, store, console }
        }

        async fn attach(&self) -> UnixStream {
            let (ours, theirs) = UnixStream::pair().unwrap();
            self.console.attach(ours).await.unwrap();
            theirs
        }

        async fn client(&self) -> UnixStream {
            UnixStream::connect(self.dir.path().join("socket")).await.unwrap()
        }

        fn log(&self) -> Vec<u8> {
            std::fs::read(self.dir.path().join("logs/boot-0.console.log")).unwrap()
        }
    }

    async fn read_until(stream: &mut UnixStream, expected: &str) -> String {
        let mut seen = vec![];
        while !String::from_utf8_lossy(&seen).contains(expected) {
            assert_ne!(
                stream.read_buf(&mut seen).await.unwrap(),
                0,
                "the console ended after {seen:?}"
            );
        }
        String::from_utf8(seen).unwrap()
    }

    #[tokio::test]
    async fn what_was_written_before_anybody_came_is_kept() {
        let fixture = Fixture::new();
        let mut guest = fixture.attach().await;
        guest.write_all(b"booting\r\nlogin: ").await.unwrap();
        drop(guest);
        let mut reader = fixture.console.reader(Since::Start);
        assert!(reader.ready().await);
        let mut client = fixture.client().await;
        assert_eq!(read_until(&mut client, "login: ").await, "booting\r\nlogin: ");
        let mut guest = fixture.attach().await;
        guest.write_all(b"again").await.unwrap();
        read_until(&mut client, "again").await;
        fixture.console.close().await;
        assert_eq!(fixture.log(), b"booting\r\nlogin: again");
        assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
        assert!(!fixture.dir.path().join("socket").exists());
    }

    #[tokio::test]
    async fn a_run_begins_where_the_machine_was_switched_on_or_reset() {
        let fixture = Fixture::new();
        let mut guest = fixture.attach().await;
        guest.write_all(b"login: ").await.unwrap();
        drop(guest);
        let mut guest = fixture.attach().await;
        let mut reader = fixture.console.reader_of_this_run();
        guest.write_all(b"booting").await.unwrap();
        assert_eq!(reader.next().await.unwrap().bytes, "booting");
        fixture.console.begin_run();
        let mut reader = fixture.console.reader_of_this_run();
        guest.write_all(b"again").await.unwrap();
        assert_eq!(reader.next().await.unwrap().bytes, "again");
        fixture.console.close().await;
    }

    #[tokio::test]
    async fn several_clients_type_and_read() {
        let fixture = Fixture::new();
        let mut guest = fixture.attach().await;
        let (mut one, mut two) = (fixture.client().await, fixture.client().await);
        one.write_all(b"ls\n").await.unwrap();
        read_until(&mut guest, "ls\n").await;
        two.write_all(b"pwd\n").await.unwrap();
        read_until(&mut guest, "pwd\n").await;
        guest.write_all(b"ok").await.unwrap();
        read_until(&mut one, "ok").await;
        read_until(&mut two, "ok").await;
        // One that has said all it wants to say still reads.
        one.shutdown().await.unwrap();
        drop(two);
        guest.write_all(b"more").await.unwrap();
        read_until(&mut one, "more").await;
        fixture.console.close().await;
    }

    #[tokio::test]
    async fn a_stopped_client_costs_others_nothing_and_the_log_is_exact() {
        const TOTAL: usize = 16 << 20;
        let fixture = Fixture::new();
        let mut guest = fixture.attach().await;
        let stopped = fixture.client().await;
        let mut reader = fixture.console.reader(Since::Start);
        let reading = tokio::spawn(async move {
            let (mut read, mut lost) = (0, 0);
            while let Some(chunk) = reader.next().await {
                read += chunk.bytes.len() as u64;
                lost += chunk.lost;
            }
            read + lost
        });
        let bytes: Vec<u8> = (0..TOTAL).map(|n| u8::try_from(n % 253).unwrap()).collect();
        guest.write_all(&bytes).await.unwrap();
        drop(guest);
        fixture.console.close().await;
        assert!(fixture.log() == bytes, "the log differs from what was written");
        assert_eq!(reading.await.unwrap(), TOTAL as u64);
        drop(stopped);
    }

    #[tokio::test]
    async fn input_for_a_guest_that_does_not_read_waits_and_output_goes_on() {
        let fixture = Fixture::new();
        let mut guest = fixture.attach().await;
        let flood = async {
            let input = Bytes::from(vec![b'x'; 64 * 1024]);
            for _ in 0..1000 {
                fixture.console.send(input.clone()).await.unwrap();
            }
        };
        assert!(tokio::time::timeout(Duration::from_millis(300), flood).await.is_err());
        let mut client = fixture.client().await;
        guest.write_all(b"alive").await.unwrap();
        read_until(&mut client, "alive").await;
        // A new machine doesn't get what was typed for the old one's serial port.
        drop(guest);
        let mut guest = fixture.attach().await;
        guest.write_all(b"second").await.unwrap();
        read_until(&mut client, "second").await;
        fixture.console.close().await;
    }

    #[tokio::test]
    async fn what_is_typed_while_the_node_is_off_is_dropped() {
        let fixture = Fixture::new();
        for _ in 0..INPUT_QUEUE * 2 {
            fixture.console.send(Bytes::from_static(b"x")).await.unwrap();
        }
        fixture.console.close().await;
    }

    #[tokio::test]
    async fn a_log_that_cannot_be_written_is_told_of_once() {
        let fixture = Fixture::new();
        std::fs::write(fixture.dir.path().join("logs"), "in the way").unwrap();
        let mut guest = fixture.attach().await;
        let mut client = fixture.client().await;
        for _ in 0..3 {
            guest.write_all(b"hello").await.unwrap();
            read_until(&mut client, "hello").await;
        }
        fixture.console.close().await;
        assert_eq!(fixture.store.events_after(0).len(), 1);
    }
}
