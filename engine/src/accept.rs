//! Taking connections, not more than a number at a time.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use nix::sys::socket::{setsockopt, sockopt};
use tokio::{
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    sync::Semaphore,
    time::sleep,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How long to wait when there is no file descriptor or no memory left for another connection.
const SHORTAGE_PAUSE: Duration = Duration::from_millis(500);

/// When the kernel begins to ask whether a silent TCP peer is still there, in seconds.
const KEEPALIVE_IDLE: u32 = 60;

/// A socket that gives connections.
pub trait Listener: Send + Sync + 'static {
    /// A connection and what is known of it.
    type Connection: Send + 'static;
    /// The next connection.
    fn accept(&self) -> impl Future<Output = io::Result<Self::Connection>> + Send;
}

impl Listener for TcpListener {
    type Connection = (TcpStream, SocketAddr);

    async fn accept(&self) -> io::Result<Self::Connection> {
        let (stream, peer) = Self::accept(self).await?;
        keep_alive(&stream)?;
        Ok((stream, peer))
    }
}

impl Listener for UnixListener {
    type Connection = UnixStream;

    async fn accept(&self) -> io::Result<Self::Connection> {
        let (stream, _) = Self::accept(self).await?;
        Ok(stream)
    }
}

/// Takes connections until `cancel`, at most `limit` at a time (more wait in the socket's backlog), and has each
/// served in a task of its own.
pub async fn accept_all<L: Listener, Served: Future<Output = ()> + Send + 'static>(
    limit: usize,
    listener: L,
    serve: impl Fn(L::Connection) -> Served,
    on_shortage: impl Fn(&io::Error),
    connections: &TaskTracker,
    cancel: &CancellationToken,
) {
    let permits = Arc::new(Semaphore::new(limit));
    loop {
        let permitted = async {
            let permit = Arc::clone(&permits).acquire_owned().await;
            (permit, accept(&listener, &on_shortage).await)
        };
        let (permit, connection) = tokio::select! {
            accepted = permitted => accepted,
            () = cancel.cancelled() => return,
        };
        let served = serve(connection);
        connections.spawn(async move {
            let _permit = permit;
            served.await;
        });
    }
}

/// The next connection. While there is nothing to hold it with, that is told and tried again.
pub async fn accept<L: Listener>(listener: &L, on_shortage: impl Fn(&io::Error)) -> L::Connection {
    loop {
        match listener.accept().await {
            Ok(connection) => return connection,
            Err(error) if is_shortage(&error) => {
                on_shortage(&error);
                sleep(SHORTAGE_PAUSE).await;
            }
            Err(error) => tracing::debug!("a connection was lost before it was taken: {error}"),
        }
    }
}

/// Tells the log of a shortage, for what takes the connections.
pub fn warn(what: &'static str) -> impl Fn(&io::Error) {
    move |error| tracing::warn!("{what} cannot take another connection: {error}")
}

/// Whether an error of accept(2) is about this host and lasts, and not about one connection.
fn is_shortage(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM)
    )
}

/// Has a connection's packets sent at once, and has the kernel notice a peer that vanished while it listened to a silent
/// stream, without a timer here.
pub fn keep_alive(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    setsockopt(stream, sockopt::KeepAlive, &true)?;
    setsockopt(stream, sockopt::TcpKeepIdle, &KEEPALIVE_IDLE)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    use super::*;

    /// Has no connection to give, for ever.
    struct Short(i32);

    impl Listener for Short {
        type Connection = ();

        async fn accept(&self) -> io::Result<()> {
            Err(io::Error::from_raw_os_error(self.0))
        }
    }

    #[tokio::test]
    async fn a_shortage_is_told_and_waited_out_until_the_end_comes() {
        for shortage in [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM] {
            let (told, cancel) = (AtomicUsize::new(0), CancellationToken::new());
            let on_shortage = |error: &io::Error| {
                assert_eq!(error.raw_os_error(), Some(shortage));
                told.fetch_add(1, Relaxed);
                // Heard in the pause that follows.
                cancel.cancel();
            };
            let serve = async |()| {};
            accept_all(1, Short(shortage), serve, on_shortage, &TaskTracker::new(), &cancel).await;
            assert_eq!(told.load(Relaxed), 1, "{shortage}");
        }
    }
}
