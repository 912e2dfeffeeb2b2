//! Serial over LAN: the node's console as packets of a session, each acknowledged before the next.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::{sync::mpsc, task::AbortHandle, time::Instant};

use crate::{
    bmc::Bmc,
    console::{Console, Reader, Since},
};

/// Bytes of a packet's payload, header included.
pub const LARGEST: usize = 255;
const HEADER: usize = 4;
/// Pieces of input that wait for a guest that doesn't read; more are refused, and the client sends them again.
const INPUT_QUEUE: usize = 4;
/// The least time after which a packet is sent again.
const SOONEST: Duration = Duration::from_millis(100);

/// From the client: what was received is refused.
const NACK: u8 = 0x40;
/// From the client: a break on the line.
const BREAK: u8 = 0x10;
/// From the client: don't send for now.
const PAUSE: u8 = 0x08;
/// From the client: forget what you have not sent yet.
const FLUSH_OUTBOUND: u8 = 0x01;
/// From the BMC: it is over.
const DEACTIVATED: u8 = 0x10;

/// The console over LAN while it is active.
pub struct Sol {
    session: u32,
    output: Reader,
    input: mpsc::Sender<Input>,
    typing: AbortHandle,
    retry: Duration,
    /// What was read of the console and not sent yet.
    ready: Bytes,
    /// What was sent and not acknowledged yet.
    sent: Option<Sent>,
    sequence: u8,
    paused: bool,
    /// Number of the last packet of the client, and how many of its characters were taken.
    received: (u8, u8),
}

/// What is for the guest, in this order.
enum Input {
    Break,
    Typed(Bytes),
}

struct Sent {
    sequence: u8,
    bytes: Bytes,
    at: Instant,
}

impl Sol {
    /// The console for a session. `retry` is as in the configuration: how often (it is never given up while the session
    /// lasts) and after how many times 10 ms.
    pub fn new(session: u32, bmc: &Arc<Bmc>, console: &Console, retry: [u8; 2]) -> Self {
        let (input, typed) = mpsc::channel(INPUT_QUEUE);
        let typing = tokio::spawn(pass_on(typed, Arc::clone(bmc), console.clone()));
        Self {
            session,
            output: console.reader(Since::Now),
            input,
            typing: typing.abort_handle(),
            retry: (Duration::from_millis(10) * u32::from(retry[1])).max(SOONEST),
            ready: Bytes::new(),
            sent: None,
            sequence: 0,
            paused: false,
            received: (0, 0),
        }
    }

    /// The session it is active in.
    pub fn session(&self) -> u32 {
        self.session
    }

    /// Takes a packet; returns what is to be answered at once, if anything is.
    pub fn receive(&mut self, body: &[u8]) -> Option<Vec<u8>> {
        let (&[sequence, acknowledged, taken, flags], typed) = body.split_first_chunk::<HEADER>()?;
        self.paused = flags & PAUSE != 0;
        if flags & FLUSH_OUTBOUND != 0 {
            self.ready.clear();
        }
        self.acknowledge(acknowledged & 0xf, taken, flags & NACK != 0);
        let sequence = sequence & 0xf;
        let breaks = flags & BREAK != 0;
        if sequence == 0 {
            // It wants no answer, so that it has none if there is no room for its break.
            drop(breaks.then(|| self.input.try_send(Input::Break)));
            return None;
        }
        if self.received.0 == sequence {
            // Its acknowledgement got lost.
            return Some(vec![0, sequence, self.received.1, 0]);
        }
        let typed_too = (!typed.is_empty()).then(|| Input::Typed(Bytes::copy_from_slice(typed)));
        let all: Vec<_> = breaks.then_some(Input::Break).into_iter().chain(typed_too).collect();
        let Ok(room) = self.input.try_reserve_many(all.len()) else {
            return Some(vec![0, sequence, 0, NACK]);
        };
        room.zip(all).for_each(|(place, input)| place.send(input));
        self.received = (sequence, u8::try_from(typed.len()).unwrap_or(u8::MAX));
        Some(vec![0, sequence, self.received.1, 0])
    }

    fn acknowledge(&mut self, sequence: u8, taken: u8, refused: bool) {
        let Some(sent) = self.sent.take_if(|sent| sent.sequence == sequence && sequence != 0) else {
            return;
        };
        let taken = usize::from(taken).min(sent.bytes.len());
        let rest = sent.bytes.slice(taken..);
        if rest.is_empty() {
            return;
        }
        if refused && taken == 0 {
            // The same again, in time.
            self.sent = Some(sent);
        } else {
            self.ready = [rest, std::mem::take(&mut self.ready)].concat().into();
        }
    }

    /// The next packet that is due, be it for the first time or again. Cancel safe.
    pub async fn due(&mut self) -> Vec<u8> {
        if let Some(sent) = &mut self.sent {
            tokio::time::sleep_until(sent.at + self.retry).await;
            sent.at = Instant::now();
            return packet(sent);
        }
        if self.paused {
            return std::future::pending().await;
        }
        if self.ready.is_empty() {
            match self.output.next().await {
                Some(chunk) => self.ready = chunk.bytes,
                // The console was closed, and the BMC is about to be.
                None => return std::future::pending().await,
            }
        }
        self.sequence = self.sequence % 15 + 1;
        let sent = Sent {
            sequence: self.sequence,
            bytes: self.ready.split_to(self.ready.len().min(LARGEST - HEADER)),
            at: Instant::now(),
        };
        let body = packet(&sent);
        self.sent = Some(sent);
        body
    }
}

/// Hands on to the guest what comes from the client.
async fn pass_on(mut typed: mpsc::Receiver<Input>, bmc: Arc<Bmc>, console: Console) {
    while let Some(input) = typed.recv().await {
        match input {
            Input::Typed(bytes) => {
                if console.send(bytes).await.is_err() {
                    return;
                }
            }
            Input::Break => {
                if let Err(error) = bmc.send_break().await {
                    let node = &bmc.identity().node;
                    tracing::info!(node, "a break over LAN did not reach the guest: {error}");
                }
            }
        }
    }
}

fn packet(sent: &Sent) -> Vec<u8> {
    [&[sent.sequence, 0, 0, 0], sent.bytes.as_ref()].concat()
}

/// What tells a client that its console was taken away.
pub fn farewell() -> Vec<u8> {
    vec![0, 0, 0, DEACTIVATED]
}

impl Drop for Sol {
    fn drop(&mut self) {
        self.typing.abort();
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::UnixStream,
    };

    use super::*;
    use crate::{
        bmc::testing::{Scripted, bmc},
        store::{State, Store},
    };

    async fn console() -> (Sol, Console, UnixStream, tempfile::TempDir) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(State::default());
        let console = Console::open("node/x", &dir.path().join("s"), &dir.path().join("l"), store).unwrap();
        let (ours, guest) = UnixStream::pair().unwrap();
        console.attach(ours).await.unwrap();
        let machine = Scripted::new();
        *machine.console.lock().unwrap() = Some(console.clone());
        (Sol::new(1, &bmc(&machine), &console, [7, 10]), console, guest, dir)
    }

    #[tokio::test]
    async fn each_packet_waits_for_the_one_before() {
        let (mut sol, console, mut guest, _dir) = console().await;
        guest.write_all(&[b'x'; 300]).await.unwrap();
        let first = sol.due().await;
        assert_eq!((first[0], first.len()), (1, LARGEST));
        // Not acknowledged: the same again.
        assert_eq!(sol.due().await, first);
        assert_eq!(sol.receive(&[0, 1, 251, 0]), None);
        let second = sol.due().await;
        assert_eq!((second[0], second.len()), (2, 4 + 49));
        // A part of it is taken: the rest comes in a packet of its own.
        sol.receive(&[0, 2, 40, 0]);
        let third = sol.due().await;
        assert_eq!((third[0], third.len()), (3, 4 + 9));
        console.close().await;
    }

    #[tokio::test]
    async fn what_is_typed_arrives_once() {
        let (mut sol, console, mut guest, _dir) = console().await;
        for _ in 0..2 {
            assert_eq!(sol.receive(&[5, 0, 0, 0, b'l', b's']), Some(vec![0, 5, 2, 0]));
        }
        assert_eq!(sol.receive(&[6, 0, 0, 0, b'\n']), Some(vec![0, 6, 1, 0]));
        let mut typed = [0; 3];
        guest.read_exact(&mut typed).await.unwrap();
        assert_eq!(&typed, b"ls\n");
        console.close().await;
    }

    #[tokio::test]
    async fn a_break_keeps_its_place_among_keys() {
        let (mut sol, console, mut guest, _dir) = console().await;
        assert_eq!(sol.receive(&[1, 0, 0, 0, b'a']), Some(vec![0, 1, 1, 0]));
        // Repeated, since its acknowledgement got lost: it is one break all the same.
        for _ in 0..2 {
            assert_eq!(sol.receive(&[2, 0, 0, BREAK]), Some(vec![0, 2, 0, 0]));
        }
        assert_eq!(sol.receive(&[3, 0, 0, 0, b'b']), Some(vec![0, 3, 1, 0]));
        assert_eq!(sol.receive(&[0, 0, 0, BREAK]), None);
        let mut heard = [0; 4];
        guest.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"a\0b\0");
        console.close().await;
    }

    #[tokio::test]
    async fn a_guest_that_does_not_read_is_told_to_the_client() {
        let (mut sol, console, _guest, _dir) = console().await;
        let body = [[1, 0, 0, 0].as_slice(), &[b'x'; 251]].concat();
        let mut sequence = 0;
        // Sockets and queues take some; then it is refused, and nothing grows.
        for _ in 0..1_000_000 {
            sequence = sequence % 15 + 1;
            let mut body = body.clone();
            body[0] = sequence;
            if sol.receive(&body) == Some(vec![0, sequence, 0, NACK]) {
                console.close().await;
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("it takes without end");
    }

    #[tokio::test(start_paused = true)]
    async fn a_paused_client_is_not_sent_to() {
        let (mut sol, console, mut guest, _dir) = console().await;
        sol.receive(&[0, 0, 0, PAUSE]);
        guest.write_all(b"x").await.unwrap();
        let waiting = tokio::time::timeout(Duration::from_secs(5), sol.due());
        assert!(waiting.await.is_err());
        sol.receive(&[0, 0, 0, 0]);
        assert_eq!(sol.due().await[4..], *b"x");
        console.close().await;
    }
}
