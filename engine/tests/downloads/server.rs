//! An HTTP server that serves one file, well or badly.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    time::sleep,
};

/// What happens to one request; those after the last that is told are answered well.
#[derive(Clone, Copy, Debug)]
pub enum Mishap {
    /// The connection closes after that many bytes of the body.
    Cut(usize),
    /// Nothing is said at all.
    Silence,
    /// That many bytes, then nothing.
    Stall(usize),
    /// One byte of the body after another, so far apart.
    Drip(Duration),
    /// Another status.
    Status(&'static str),
    /// A range is answered with another one.
    WrongRange,
}

/// What the server knows and has seen.
#[derive(Default)]
pub struct Shown {
    pub body: Vec<u8>,
    /// Header lines by which the body is known.
    pub validator: String,
    pub mishaps: VecDeque<Mishap>,
    /// Request lines with their headers in lower case.
    pub requests: Vec<String>,
    /// Bytes of bodies that were sent.
    pub sent: usize,
    /// Between two pieces of a body of 64 KiB.
    pub pace: Duration,
}

pub struct Server {
    pub url: String,
    shown: Arc<Mutex<Shown>>,
}

impl Server {
    pub async fn start(body: &[u8], validator: &str, mishaps: &[Mishap]) -> Self {
        Self::on(
            TcpListener::bind("127.0.0.1:0").await.unwrap(),
            body,
            validator,
            mishaps,
        )
    }

    pub fn on(listener: TcpListener, body: &[u8], validator: &str, mishaps: &[Mishap]) -> Self {
        let url = format!("http://{}/disk.img", listener.local_addr().unwrap());
        let shown = Arc::new(Mutex::new(Shown {
            body: body.into(),
            validator: validator.into(),
            mishaps: mishaps.iter().copied().collect(),
            ..Shown::default()
        }));
        let all = shown.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(respond(stream, all.clone()));
            }
        });
        Self { url, shown }
    }

    pub fn with<T>(&self, look: impl FnOnce(&mut Shown) -> T) -> T {
        look(&mut self.shown.lock().unwrap())
    }

    /// The `range:` and `if-range:` of each request so far.
    pub fn ranges(&self) -> Vec<String> {
        let of = |request: &String| {
            let lines = request.lines();
            let ranges = lines.filter(|line| line.starts_with("range:") || line.starts_with("if-range:"));
            ranges.collect::<Vec<_>>().join(" ")
        };
        self.with(|shown| shown.requests.iter().map(of).collect())
    }
}

async fn respond(stream: TcpStream, shown: Arc<Mutex<Shown>>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    let mut request = String::new();
    while stream.read_line(&mut request).await.ok()? > 2 {}
    let request = request.to_lowercase();
    let value = |name: &str| {
        let prefix = format!("{name}: ");
        request.lines().find_map(|line| line.strip_prefix(&prefix))
    };
    let (mishap, body, validator, pace) = {
        let mut shown = shown.lock().unwrap();
        shown.requests.push(request.clone());
        let mishap = shown.mishaps.pop_front();
        (mishap, shown.body.clone(), shown.validator.clone(), shown.pace)
    };
    let wanted: Option<usize> =
        value("range").and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
    let same = value("if-range").is_some_and(|tag| validator.to_lowercase().contains(tag));
    let size = body.len();
    let (head, rest) = match wanted.filter(|_| same) {
        Some(start) if start >= size => (
            format!("416 Range Not Satisfiable\r\nContent-Range: bytes */{size}\r\nContent-Length: 0"),
            &body[size..],
        ),
        Some(start) => {
            let told = if matches!(mishap, Some(Mishap::WrongRange)) {
                start - 1
            } else {
                start
            };
            let range = format!("Content-Range: bytes {told}-{}/{size}", size - 1);
            (
                format!("206 Partial Content\r\n{range}\r\nContent-Length: {}", size - start),
                &body[start..],
            )
        }
        None => (format!("200 OK\r\nContent-Length: {size}"), &body[..]),
    };
    let head = format!("HTTP/1.1 {head}\r\n{validator}Connection: close\r\n\r\n");
    let mut rest = rest;
    match mishap {
        Some(Mishap::Silence) => return std::future::pending().await,
        Some(Mishap::Status(status)) => {
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.ok()?;
            return stream.shutdown().await.ok();
        }
        Some(Mishap::Cut(at) | Mishap::Stall(at)) => rest = &rest[..at.min(rest.len())],
        _ => {}
    }
    stream.write_all(head.as_bytes()).await.ok()?;
    let step = if matches!(mishap, Some(Mishap::Drip(_))) {
        1
    } else {
        64 << 10
    };
    for piece in rest.chunks(step) {
        stream.write_all(piece).await.ok()?;
        stream.flush().await.ok()?;
        shown.lock().unwrap().sent += piece.len();
        match mishap {
            Some(Mishap::Drip(pause)) => sleep(pause).await,
            _ if pace > Duration::ZERO => sleep(pace).await,
            _ => {}
        }
    }
    if let Some(Mishap::Stall(_)) = mishap {
        return std::future::pending().await;
    }
    stream.shutdown().await.ok()
}
