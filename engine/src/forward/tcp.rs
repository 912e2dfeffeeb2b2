//! A forwarded TCP port: takes connections, makes one inside the namespace for each, and carries.

use std::{io, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::sleep,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    manager::Route,
    pump::{break_off, carry},
    sockets::tune,
};

/// Connections at a time through one forward; more wait in the backlog. Each takes two descriptors.
const CONNECTIONS: usize = 16_384;

/// How long to wait when the process has no descriptor left for another connection.
const OUT_OF_DESCRIPTORS: Duration = Duration::from_millis(500);

/// Carries connections until `cancel`.
pub async fn serve(listener: TcpListener, route: Arc<Route>, cancel: CancellationToken) {
    let connections = TaskTracker::new();
    let permits = Arc::new(Semaphore::new(CONNECTIONS));
    let next = async || {
        let permit = Arc::clone(&permits).acquire_owned().await;
        (permit, listener.accept().await)
    };
    loop {
        let (permit, accepted) = tokio::select! {
            next = next() => next,
            () = cancel.cancelled() => break,
        };
        match accepted {
            Ok((client, _)) => {
                let (route, cancel) = (Arc::clone(&route), cancel.clone());
                connections.spawn(async move {
                    let _permit = permit;
                    tokio::select! {
                        () = connection(client, &route) => {}
                        () = cancel.cancelled() => {}
                    }
                });
            }
            Err(error) if is_shortage(&error) => {
                route.failed(&format!("The engine can't take another connection: {error}."));
                tokio::select! {
                    () = sleep(OUT_OF_DESCRIPTORS) => {}
                    () = cancel.cancelled() => break,
                }
            }
            // It was lost before it was taken.
            Err(_) => {}
        }
    }
    connections.close();
    connections.wait().await;
}

async fn connection(client: TcpStream, route: &Route) {
    let _active = route.counters.connection();
    if tune(&client).is_err() {
        return;
    }
    match route.sockets.tcp(&route.to).await {
        Ok(remote) => {
            route.counters.reached();
            carry(client, remote, &route.counters).await;
        }
        Err(error) => {
            break_off(&client);
            route.failed(&error.to_string());
        }
    }
}

fn is_shortage(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM)
    )
}
