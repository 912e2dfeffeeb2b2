//! A forwarded TCP port: takes connections, makes one inside the namespace for each, and carries.

use std::{io, sync::Arc};

use tokio::net::{TcpListener, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    manager::Route,
    pump::{break_off, carry},
};
use crate::accept::accept_all;

/// Connections at a time through one forward; more wait in the backlog. Each takes two descriptors.
const CONNECTIONS: usize = 16_384;

/// Carries connections until `cancel`.
pub async fn serve(listener: TcpListener, route: Arc<Route>, cancel: CancellationToken) {
    let connections = TaskTracker::new();
    let serve = |(client, _)| {
        let (route, cancel) = (Arc::clone(&route), cancel.clone());
        async move {
            tokio::select! {
                () = connection(client, &route) => {}
                () = cancel.cancelled() => {}
            }
        }
    };
    let on_shortage = |error: &io::Error| route.failed(&format!("The engine can't take another connection: {error}."));
    accept_all(CONNECTIONS, listener, serve, on_shortage, &connections, &cancel).await;
    connections.close();
    connections.wait().await;
}

async fn connection(client: TcpStream, route: &Route) {
    let _active = route.counters.connection();
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
