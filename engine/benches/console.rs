//! How fast a console takes what a guest writes, beside the same bytes copied from a socket to a file: `cargo bench --bench
//! console`. Whatever is measured, the log is compared with what was written.

use std::{
    fs,
    io::{self, Read, Write},
    os::unix::net::UnixStream as StdStream,
    path::Path,
    time::{Duration, Instant},
};

use placemat2_engine::{
    console::{Access, Console, Since},
    store::{State, Store},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
};

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// What the guest writes, in bytes.
const TOTAL: usize = 500_000_000;

/// Bytes of one write: QEMU passes on less.
const PIECE: usize = 64 * 1024;

fn main() -> Outcome<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let piece: Vec<u8> = (0..PIECE).map(|n| u8::try_from(n % 251).unwrap_or(0)).collect();
    say("copied to a file, and nothing else", by_hand(&piece)?)?;
    say("a console with its log", runtime.block_on(console(&piece, 0, 0))?)?;
    say("and five clients", runtime.block_on(console(&piece, 5, 0))?)?;
    say(
        "and five clients, one of them stopped",
        runtime.block_on(console(&piece, 4, 1))?,
    )
}

fn say(what: &str, time: Duration) -> Outcome<()> {
    #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
    let speed = TOTAL as f64 / 1e6 / time.as_secs_f64();
    Ok(writeln!(io::stdout(), "{what}: {speed:.0} MB/s")?)
}

/// From a socket to a file, with the system calls this takes.
fn by_hand(piece: &[u8]) -> Outcome<Duration> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("log");
    let (mut near, mut guest) = StdStream::pair()?;
    let start = Instant::now();
    std::thread::scope(|scope| {
        let writing = scope.spawn(move || (0..TOTAL / PIECE).try_for_each(|_| guest.write_all(piece)));
        let (mut file, mut buffer) = (fs::File::create(&path)?, vec![0; PIECE]);
        loop {
            let count = near.read(&mut buffer)?;
            if count == 0 {
                break;
            }
            file.write_all(&buffer[..count])?;
        }
        writing.join().map_err(|_| "the guest panicked")??;
        Outcome::Ok(())
    })?;
    let time = start.elapsed();
    check(&path, piece)?;
    Ok(time)
}

async fn console(piece: &[u8], readers: usize, stopped: usize) -> Outcome<Duration> {
    let dir = tempfile::tempdir()?;
    let (socket, log) = (dir.path().join("socket"), dir.path().join("x.console.log"));
    let console = Console::open("node/x", &socket, &log, Store::new(State::default()))?;
    let (near, mut guest) = UnixStream::pair()?;
    console.attach(near).await?;
    for _ in 0..readers {
        let mut client = UnixStream::connect(&socket).await?;
        tokio::spawn(async move {
            let mut buffer = vec![0; PIECE];
            while let Ok(1..) = client.read(&mut buffer).await {}
        });
    }
    let held: Vec<_> = (0..stopped)
        .map(|_| console.connect(Since::Start, Access::Full))
        .collect::<io::Result<_>>()?;
    let start = Instant::now();
    for _ in 0..TOTAL / PIECE {
        guest.write_all(piece).await?;
    }
    drop(guest);
    console.close().await;
    let time = start.elapsed();
    drop(held);
    check(&log, piece)?;
    Ok(time)
}

/// Compares a log with what was written.
fn check(path: &Path, piece: &[u8]) -> Outcome<()> {
    let (mut file, mut read, mut buffer) = (fs::File::open(path)?, 0, vec![0; PIECE]);
    while file.read_exact(&mut buffer).is_ok() {
        if buffer != piece {
            return Err(format!("the log differs in piece {read}").into());
        }
        read += 1;
    }
    if read == TOTAL / PIECE {
        Ok(())
    } else {
        Err(format!("the log has {read} pieces of {}", TOTAL / PIECE).into())
    }
}
