//! A guest that writes as fast as it can, played by a socket: nothing of it is lost, nobody else is held up, and it costs no
//! memory. The only test of its program, because it watches the memory of the whole process.

#![cfg(test)]
// Outside of #[test] functions, too, a test may give up.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{fs, io::Read, path::Path, time::Duration};

use placemat2_engine::{
    console::{Access, Console, Since},
    store::{State, Store},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    time::timeout,
};

/// What the guest writes, in bytes.
const FLOOD: usize = 100_000_000;
/// In pieces of that size.
const PIECE: usize = 61_403;
/// Keys typed at another console meanwhile.
const TALK: usize = 200;
/// What the flood may cost at its peak, in KiB: rings, buffers of sockets, pieces on their way; a small part of the flood.
const MEMORY: u64 = 24 * 1024;

/// The flood's bytes from a position on: a pattern that does not fit any buffer.
fn pattern(position: usize, length: usize) -> Vec<u8> {
    (position..position + length)
        .map(|n| u8::try_from(n % 251).unwrap())
        .collect()
}

/// The most memory this process has had since `forget_peak`, in KiB.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
}

fn forget_peak() {
    fs::write("/proc/self/clear_refs", "5").unwrap();
}

async fn console(dir: &Path, name: &str) -> (Console, UnixStream) {
    let path = |end: &str| dir.join(format!("{name}.{end}"));
    let store = Store::new(State::default());
    let console = Console::open(name, &path("socket"), &path("console.log"), store).unwrap();
    let (near, guest) = UnixStream::pair().unwrap();
    console.attach(near).await.unwrap();
    (console, guest)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_is_kept_whole_and_costs_nobody_anything() {
    let dir = tempfile::tempdir().unwrap();
    let (flooded, mut guest) = console(dir.path(), "flooded").await;
    let (quiet, mut echo) = console(dir.path(), "quiet").await;
    // A guest that echoes.
    tokio::spawn(async move {
        let mut byte = [0];
        while echo.read_exact(&mut byte).await.is_ok() {
            echo.write_all(&byte).await.unwrap();
        }
    });
    let mut clients = vec![];
    for _ in 0..4 {
        let mut client = UnixStream::connect(dir.path().join("flooded.socket")).await.unwrap();
        clients.push(tokio::spawn(async move {
            let (mut buffer, mut total) = (vec![0; 16 * 1024], 0);
            while let Ok(count @ 1..) = client.read(&mut buffer).await {
                total += count;
            }
            total
        }));
    }
    let _stopped = UnixStream::connect(dir.path().join("flooded.socket")).await.unwrap();
    let _stopped_too = flooded.connect(Since::Now, Access::ReadOnly).unwrap();
    let follow = tokio::spawn({
        let mut lines = flooded.history().lines(None, true);
        async move {
            let mut total = 0;
            while let Some(piece) = lines.next().await.unwrap() {
                total += piece.len();
            }
            total
        }
    });
    // All of that is there, with its buffers.
    guest.write_all(&pattern(0, PIECE)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    forget_peak();
    let before = peak();

    let flood = async {
        let mut position = PIECE;
        while position < FLOOD {
            let length = PIECE.min(FLOOD - position);
            guest.write_all(&pattern(position, length)).await.unwrap();
            position += length;
        }
        drop(guest);
    };
    let talk = async {
        let mut client = quiet.connect(Since::Now, Access::Full).unwrap().stream;
        for _ in 0..TALK {
            client.write_all(b"x").await.unwrap();
            let answered = timeout(Duration::from_secs(20), client.read_u8()).await;
            assert_eq!(answered.expect("the quiet console is held up").unwrap(), b'x');
        }
    };
    tokio::join!(flood, talk);
    flooded.close().await;
    let grown = peak() - before;
    assert!(grown < MEMORY, "{grown} KiB more at the peak");

    let mut log = fs::File::open(dir.path().join("flooded.console.log")).unwrap();
    assert_eq!(log.metadata().unwrap().len(), FLOOD as u64);
    let (mut position, mut bytes) = (0, vec![0; PIECE]);
    while position < FLOOD {
        let count = log.read(&mut bytes).unwrap();
        assert!(
            bytes[..count] == pattern(position, count),
            "the log differs near byte {position}"
        );
        position += count;
    }
    for client in clients {
        assert!(client.await.unwrap() > 0);
    }
    assert_eq!(follow.await.unwrap(), FLOOD + 25 * newlines());
    quiet.close().await;
}

/// Lines of the flood: a newline is one of its bytes.
fn newlines() -> usize {
    let whole = (0..FLOOD).filter(|n| n % 251 == usize::from(b'\n')).count();
    // What comes behind the last one is a line, too.
    whole + 1
}
