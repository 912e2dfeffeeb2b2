//! Carries bytes between two connections until both have ended, each direction by itself: a side that has said its last
//! word can still listen.

use std::{
    cell::RefCell,
    io::{self, ErrorKind},
    os::fd::AsRawFd as _,
    sync::atomic::{AtomicU64, Ordering},
};

use nix::sys::socket::{self, setsockopt, sockopt};
use tokio::{net::TcpStream, task::coop};

use super::Counters;

/// Bytes moved in one step. Large enough that system calls don't count, small enough for a CPU's own cache.
const STEP: usize = 128 * 1024;

thread_local! {
    /// Shared by all connections of a thread: none of them holds on to it while it waits, so an idle one costs no memory.
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; STEP].into_boxed_slice());
}

/// Carries a client's connection to its destination's and back. A connection that breaks off breaks the other.
pub async fn carry(client: TcpStream, remote: TcpStream, counters: &Counters) {
    let carried = tokio::try_join!(
        pump(&client, &remote, counters.bytes_in()),
        pump(&remote, &client, counters.bytes_out()),
    );
    if carried.is_err() {
        break_off(&client);
        break_off(&remote);
    }
}

/// Makes the peer see a reset instead of an end when the connection is dropped.
pub fn break_off(stream: &TcpStream) {
    let at_once = libc::linger {
        l_onoff: 1,
        l_linger: 0,
    };
    // What can fail here has no peer any more.
    let _ = setsockopt(stream, sockopt::Linger, &at_once);
}

/// What one step did.
enum Step {
    Moved,
    /// The receiver took a part; this is the rest.
    Left(Vec<u8>),
    End,
}

async fn pump(from: &TcpStream, to: &TcpStream, counter: &AtomicU64) -> io::Result<()> {
    loop {
        match step(from, to, counter) {
            Ok(Step::Moved) => {}
            Ok(Step::Left(rest)) => drain(rest, to, counter).await?,
            Ok(Step::End) => return end(to),
            Err(error) if error.kind() == ErrorKind::WouldBlock => from.readable().await?,
            Err(error) => return Err(error),
        }
        // A connection that always has more must let others have their turn.
        coop::consume_budget().await;
    }
}

/// Reads once and writes once.
fn step(from: &TcpStream, to: &TcpStream, counter: &AtomicU64) -> io::Result<Step> {
    BUFFER.with_borrow_mut(|buffer| {
        let read = from.try_read(buffer)?;
        let data = buffer.get(..read).unwrap_or_default();
        if data.is_empty() {
            return Ok(Step::End);
        }
        let written = match to.try_write(data) {
            Ok(written) => written,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            Err(error) => return Err(error),
        };
        counter.fetch_add(written as u64, Ordering::Relaxed);
        match data.get(written..).unwrap_or_default() {
            [] => Ok(Step::Moved),
            rest => Ok(Step::Left(rest.to_vec())),
        }
    })
}

async fn drain(rest: Vec<u8>, to: &TcpStream, counter: &AtomicU64) -> io::Result<()> {
    let mut rest = rest.as_slice();
    while !rest.is_empty() {
        to.writable().await?;
        match to.try_write(rest) {
            Ok(written) => {
                counter.fetch_add(written as u64, Ordering::Relaxed);
                rest = rest.get(written..).unwrap_or_default();
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Tells the receiver that no more will come.
fn end(to: &TcpStream) -> io::Result<()> {
    match socket::shutdown(to.as_raw_fd(), socket::Shutdown::Write) {
        // It has gone of its own accord.
        Ok(()) | Err(nix::Error::ENOTCONN) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}
