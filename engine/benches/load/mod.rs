//! A served lab, and clients of its API that ask as fast as they get answers, and compare each with what it must be.

use std::{
    error::Error,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpStream, UnixStream},
    task::JoinSet,
};

mod lab;

pub use lab::{Lab, NODES};

/// The question.
const REQUEST: &[u8] = b"GET /nodes HTTP/1.1\r\nHost: localhost\r\n\r\n";

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Where the API listens.
#[derive(Clone)]
pub enum Target {
    /// At an address.
    Tcp(std::net::SocketAddr),
    /// At a socket.
    Unix(PathBuf),
}

#[derive(Default)]
struct Count {
    right: AtomicU64,
    wrong: AtomicU64,
}

/// Asks for a while with some clients; returns how many answers were right, how many wrong, and how long it took.
pub async fn load(
    target: &Target,
    clients: usize,
    duration: Duration,
    expected: &Arc<[u8]>,
) -> Outcome<(u64, u64, Duration)> {
    let count = Arc::new(Count::default());
    let begun = Instant::now();
    let until = begun + duration;
    let mut tasks = JoinSet::new();
    for _ in 0..clients {
        let (target, expected, count) = (target.clone(), Arc::clone(expected), Arc::clone(&count));
        tasks.spawn(async move {
            match target {
                Target::Tcp(address) => {
                    let stream = TcpStream::connect(address).await?;
                    stream.set_nodelay(true)?;
                    ask(stream, until, &expected, &count).await
                }
                Target::Unix(path) => ask(UnixStream::connect(path).await?, until, &expected, &count).await,
            }
        });
    }
    while let Some(task) = tasks.join_next().await {
        task??;
    }
    let elapsed = begun.elapsed();
    Ok((
        count.right.load(Ordering::Relaxed),
        count.wrong.load(Ordering::Relaxed),
        elapsed,
    ))
}

/// Asks again and again on one connection.
async fn ask(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    until: Instant,
    expected: &[u8],
    count: &Count,
) -> Outcome<()> {
    let mut buffer = vec![0; expected.len() + 4096];
    while Instant::now() < until {
        stream.write_all(REQUEST).await?;
        let mut filled = 0;
        let body = loop {
            let free = buffer
                .get_mut(filled..)
                .filter(|free| !free.is_empty())
                .ok_or("an answer is too long")?;
            let length = stream.read(free).await?;
            if length == 0 {
                return Err("the server closed the connection".into());
            }
            filled += length;
            let seen = buffer.get(..filled).unwrap_or_default();
            if let Some(body) = complete(seen)? {
                break body;
            }
        };
        let right = buffer.starts_with(b"HTTP/1.1 200 OK\r\n") && buffer.get(body..filled) == Some(expected);
        if right { &count.right } else { &count.wrong }.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

/// Where the body begins, once the whole answer is there.
fn complete(seen: &[u8]) -> Outcome<Option<usize>> {
    let Some(end) = seen.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(None);
    };
    let body = end + 4;
    let head = std::str::from_utf8(seen.get(..end).unwrap_or_default())?;
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .ok_or("an answer has no length")?;
    Ok((seen.len() >= body + length.parse::<usize>()?).then_some(body))
}
