//! Taking connections, not more than a number at a time.

use std::{io, sync::Arc, time::Duration};

use nix::sys::socket::{setsockopt, sockopt};
use tokio::{net::TcpStream, sync::Semaphore, time::sleep};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How long to wait when the process has no file descriptor left for another connection.
const OUT_OF_DESCRIPTORS: Duration = Duration::from_millis(500);

/// When the kernel begins to ask whether a silent TCP peer is still there, in seconds.
const KEEPALIVE_IDLE: u32 = 60;

/// A socket that gives connections.
pub trait Listener: Send + Sync + 'static {
    /// A connection and what is known of it.
    type Connection: Send + 'static;
    /// The next connection.
    fn accept(&self) -> impl Future<Output = io::Result<Self::Connection>> + Send;
}

/// Takes connections until `cancel`, at most `limit` at a time (more wait in the socket's backlog), and has each
/// served in a task of its own.
pub async fn accept_all<L: Listener, Served: Future<Output = ()> + Send + 'static>(
    what: &'static str,
    limit: usize,
    listener: L,
    serve: impl Fn(L::Connection) -> Served,
    connections: &TaskTracker,
    cancel: &CancellationToken,
) {
    let permits = Arc::new(Semaphore::new(limit));
    loop {
        let permitted = async {
            let permit = Arc::clone(&permits).acquire_owned().await;
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            accepted = permitted => accepted,
            () = cancel.cancelled() => return,
        };
        match accepted {
            Ok(connection) => {
                let served = serve(connection);
                connections.spawn(async move {
                    let _permit = permit;
                    served.await;
                });
            }
            Err(error) if matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE)) => {
                tracing::warn!("{what} cannot take another connection: {error}");
                tokio::select! {
                    () = sleep(OUT_OF_DESCRIPTORS) => {}
                    () = cancel.cancelled() => return,
                }
            }
            Err(error) => tracing::debug!("a connection to {what} was lost before it was taken: {error}"),
        }
    }
}

/// Has a connection's packets sent at once, and has the kernel notice a peer that vanished while it listened to a silent
/// stream, without a timer here.
pub fn keep_alive(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    setsockopt(stream, sockopt::KeepAlive, &true)?;
    setsockopt(stream, sockopt::TcpKeepIdle, &KEEPALIVE_IDLE)?;
    Ok(())
}
