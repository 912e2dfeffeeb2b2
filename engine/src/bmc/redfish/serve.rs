//! Redfish over HTTPS at a BMC's address.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    http::{Request, StatusCode},
    response::Response,
};
use hyper::{body::Incoming, service::service_fn};
use tokio::{
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Redfish,
    caller::Origin,
    message::Message,
    registry,
    reply::{Refusal, Reply},
};
use crate::{
    accept::{self, accept_all},
    http::{self, BodyError},
};

/// Connections at a time to one BMC; more wait in its backlog.
const CONNECTIONS: usize = 32;

/// How long a client may take to agree on a key.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);

/// What is served here, for the log.
const WHAT: &str = "a BMC's Redfish service";

/// Serves Redfish over TLS until `cancel` is cancelled, and returns when every connection is closed.
pub async fn serve(redfish: Arc<Redfish>, listener: TcpListener, cancel: CancellationToken) {
    let connections = TaskTracker::new();
    let serve = |(stream, peer)| connection(Arc::clone(&redfish), stream, peer, cancel.clone());
    accept_all(CONNECTIONS, listener, serve, accept::warn(WHAT), &connections, &cancel).await;
    connections.close();
    connections.wait().await;
}

async fn connection(redfish: Arc<Redfish>, stream: TcpStream, peer: SocketAddr, cancel: CancellationToken) {
    let tls = TlsAcceptor::from(Arc::clone(redfish.certificates().shown().tls()));
    let handshake = tokio::select! {
        handshake = timeout(HANDSHAKE_TIME, tls.accept(stream)) => handshake,
        () = cancel.cancelled() => return,
    };
    let Ok(Ok(stream)) = handshake else {
        tracing::debug!(%peer, "a client of {WHAT} did not agree on TLS");
        return;
    };
    let service = service_fn(move |request| answer(Arc::clone(&redfish), request, peer));
    http::converse(WHAT, stream, service, &cancel).await;
}

async fn answer(redfish: Arc<Redfish>, request: Request<Incoming>, peer: SocketAddr) -> Result<Response, Infallible> {
    let (parts, body) = request.into_parts();
    Ok(match http::read_body(body).await {
        Ok(body) => {
            let origin = Origin::Remote(peer.ip().to_canonical());
            redfish.answer(Request::from_parts(parts, body), origin).await
        }
        Err(error) => {
            let status = match error {
                BodyError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
                BodyError::Late => StatusCode::REQUEST_TIMEOUT,
                BodyError::Broken(_) => StatusCode::BAD_REQUEST,
            };
            let message = Message::new(registry::GENERAL_ERROR, []).saying(error);
            Reply::from(Refusal::new(status, message)).into_response()
        }
    })
}
