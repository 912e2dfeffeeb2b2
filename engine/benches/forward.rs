//! How fast a forward carries, beside `socat` between the same two ends, in one run: `cargo bench --bench forward`, as root.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a measurement that cannot go on fails"
)]

use std::{
    io::{self, Write},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use placemat2_engine::spec::model::Protocol;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::sleep,
};

/// The scaffolding of the tests.
#[allow(clippy::print_stderr, reason = "written for tests")]
#[path = "../tests/joined/mod.rs"]
mod joined;
use joined::{Lab, on_private_host};

/// What goes through in one run, in bytes.
const TOTAL: usize = 2_000_000_000;
/// Bytes of one write.
const PIECE: usize = 64 * 1024;
/// How often each is measured; the best counts, because others use the CPUs, too.
const ROUNDS: usize = 3;

const FORWARD: u16 = 8080;
const SOCAT: u16 = 8081;

/// A program that ends with this.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn main() {
    on_private_host(async |lab: Lab| {
        sink(lab.listen("10.0.0.2:80"));
        lab.add(FORWARD, Protocol::Tcp, "10.0.0.2:80");
        let mut socat = Command::new("socat");
        // Left to itself it ends half a second after the first of two ends, whatever is still on its way.
        socat.args([
            "-t60",
            "-b65536",
            &format!("TCP-LISTEN:{SOCAT},fork,reuseaddr,backlog=128"),
            "TCP:10.0.0.2:80",
        ]);
        // A group of its own would outlive this: its children end with their connections.
        let _socat = Running(socat.stdin(Stdio::null()).spawn().expect("socat"));
        until_listening().await;
        for connections in [1, 16] {
            let mut best = [Duration::MAX; 2];
            for _ in 0..ROUNDS {
                for (best, port) in best.iter_mut().zip([FORWARD, SOCAT]) {
                    *best = time(port, connections).await.min(*best);
                }
            }
            let [ours, theirs] = best.map(speed);
            let ratio = ours / theirs;
            let line = format!("{connections} connections: {ours:.0} MB/s, socat {theirs:.0} MB/s: {ratio:.2} times\n");
            io::stdout().write_all(line.as_bytes()).unwrap();
        }
        lab.forwards.close().await;
    });
}

#[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
fn speed(time: Duration) -> f64 {
    TOTAL as f64 / 1e6 / time.as_secs_f64()
}

/// Reads all and answers with how much that was.
fn sink(listener: TcpListener) {
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let (mut buffer, mut total) = (vec![0; PIECE], 0);
                while let Ok(count @ 1..) = stream.read(&mut buffer).await {
                    total += count as u64;
                }
                // Whoever looks whether somebody listens wants no answer.
                let _ = stream.write_u64(total).await;
            });
        }
    });
}

async fn until_listening() {
    while TcpStream::connect(("127.0.0.1", SOCAT)).await.is_err() {
        sleep(Duration::from_millis(10)).await;
    }
}

async fn time(port: u16, connections: usize) -> Duration {
    let start = Instant::now();
    let each = TOTAL / connections / PIECE;
    let running: Vec<_> = (0..connections)
        .map(|_| {
            tokio::spawn(async move {
                let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                let piece = vec![7; PIECE];
                for _ in 0..each {
                    stream.write_all(&piece).await.unwrap();
                }
                stream.shutdown().await.unwrap();
                assert_eq!(stream.read_u64().await.unwrap(), (each * PIECE) as u64);
            })
        })
        .collect();
    for task in running {
        task.await.unwrap();
    }
    start.elapsed()
}
