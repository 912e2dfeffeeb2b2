//! A forwarded UDP port: every client has a socket of its own inside the namespace, so that answers find their way back.

use std::{
    cell::RefCell,
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    net::UdpSocket,
    sync::mpsc,
    time::{Instant, sleep_until},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::manager::Route;

/// A client that is silent for so long, and gets no answer, is forgotten (RFC 4787 asks for two minutes or more).
const IDLE: Duration = Duration::from_secs(120);

/// Clients at a time; datagrams of more are dropped.
const CLIENTS: usize = 4096;

/// Datagrams that may wait for a client's socket; more are dropped, as a full queue of a router would.
const QUEUE: usize = 64;

/// The largest datagram, in bytes.
const DATAGRAM: usize = 65_535;

thread_local! {
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; DATAGRAM].into_boxed_slice());
}

/// Carries datagrams until `cancel`.
pub async fn serve(listener: UdpSocket, route: Arc<Route>, cancel: CancellationToken) {
    let listener = Arc::new(listener);
    let clients = TaskTracker::new();
    let (ended, mut ends) = mpsc::channel::<SocketAddr>(QUEUE);
    let mut queues: HashMap<SocketAddr, mpsc::Sender<Bytes>> = HashMap::new();
    let mut buffer = vec![0; DATAGRAM];
    loop {
        let (client, data) = tokio::select! {
            received = listener.recv_from(&mut buffer) => match received {
                Ok((length, client)) => (client, Bytes::copy_from_slice(buffer.get(..length).unwrap_or_default())),
                // An answer to a client that has gone came back.
                Err(_) => continue,
            },
            Some(client) = ends.recv() => {
                // It may have been replaced already.
                if queues.get(&client).is_some_and(mpsc::Sender::is_closed) {
                    queues.remove(&client);
                }
                continue;
            }
            () = cancel.cancelled() => break,
        };
        let data = match queues.get(&client).map(|queue| queue.try_send(data.clone())) {
            Some(Ok(()) | Err(mpsc::error::TrySendError::Full(_))) => continue,
            None if queues.len() >= CLIENTS => {
                route.failed(&format!(
                    "More than {CLIENTS} clients at a time: datagrams of others are dropped."
                ));
                continue;
            }
            Some(Err(mpsc::error::TrySendError::Closed(_))) | None => data,
        };
        let (queue, waiting) = mpsc::channel(QUEUE);
        // A new queue has room.
        let _ = queue.try_send(data);
        queues.insert(client, queue);
        let session = session(Arc::clone(&listener), client, Arc::clone(&route), waiting);
        let (cancel, ended) = (cancel.clone(), ended.clone());
        clients.spawn(async move {
            tokio::select! {
                () = session => {}
                () = cancel.cancelled() => return,
            }
            // Nobody listens once the forward ends.
            let _ = ended.send(client).await;
        });
    }
    // A client that waits for room to tell its end would wait for ever.
    drop(ends);
    clients.close();
    clients.wait().await;
}

/// Carries the datagrams of one client until it is idle.
async fn session(listener: Arc<UdpSocket>, client: SocketAddr, route: Arc<Route>, mut waiting: mpsc::Receiver<Bytes>) {
    let _active = route.counters.connection();
    let remote = match route.sockets.udp(&route.to).await {
        Ok(remote) => remote,
        Err(error) => {
            route.failed(&error.to_string());
            return;
        }
    };
    let mut deadline = Instant::now() + IDLE;
    loop {
        tokio::select! {
            data = waiting.recv() => {
                let Some(data) = data else { return };
                told(&route, remote.send(&data).await, data.len(), true);
            }
            received = receive(&remote) => match received {
                Ok(data) => {
                    route.counters.reached();
                    told(&route, listener.send_to(&data, client).await, data.len(), false);
                }
                // Nobody listens there now; somebody may later.
                Err(error) => route.unreached(error),
            },
            () = sleep_until(deadline) => return,
        }
        deadline = Instant::now() + IDLE;
    }
}

/// Returns the next datagram. Nobody holds a buffer for the largest one while waiting.
async fn receive(socket: &UdpSocket) -> io::Result<Bytes> {
    loop {
        socket.readable().await?;
        let received = BUFFER.with_borrow_mut(|buffer| {
            let length = socket.try_recv(buffer)?;
            Ok::<_, io::Error>(Bytes::copy_from_slice(buffer.get(..length).unwrap_or_default()))
        });
        match received {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            received => return received,
        }
    }
}

/// Counts what was sent. What can't be sent is lost, as datagrams are.
fn told(route: &Route, sent: io::Result<usize>, length: usize, inward: bool) {
    match sent {
        Ok(_) if inward => route.counters.bytes_in().fetch_add(length as u64, Ordering::Relaxed),
        Ok(_) => route.counters.bytes_out().fetch_add(length as u64, Ordering::Relaxed),
        Err(error) => {
            if inward {
                route.unreached(error);
            }
            0
        }
    };
}
