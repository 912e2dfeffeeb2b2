//! One connection: its requests answered one after the other.

use std::{convert::Infallible, pin::pin, time::Duration};

use axum::response::Response;
use hyper::{Request, body::Incoming, server::conn::http1, service::Service};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

/// How long a client may take to send the head of a request; also how long a connection may be idle.
const HEAD_TIME: Duration = Duration::from_secs(30);

/// The longest head of a request, in bytes.
const HEAD_SIZE: usize = 64 * 1024;

/// How long answers under way may take once the end has come.
const GRACE: Duration = Duration::from_millis(200);

/// Answers the requests of a connection until the client ends it, or `cancel` does.
pub async fn converse<S>(
    what: &'static str,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    service: S,
    cancel: &CancellationToken,
) where
    S: Service<Request<Incoming>, Response = Response, Error = Infallible>,
{
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(HEAD_SIZE)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = cancel.cancelled() => {
            connection.as_mut().graceful_shutdown();
            timeout(GRACE, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        tracing::debug!("a connection to {what} ended early: {error}");
    }
}
