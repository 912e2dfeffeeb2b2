//! Connections: taken, limited, checked, answered, and ended in time when the lab goes down.

use std::{convert::Infallible, io, pin::pin, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    http::{HeaderValue, Request, StatusCode, header},
    response::{IntoResponse, Response},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::{
    body::{Body as _, Incoming},
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use nix::sys::socket::{setsockopt, sockopt};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, UnixListener},
    sync::Semaphore,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Control,
    answer::ApiError,
    gate::Gate,
    routes::{self, Shared},
    tunnel::Tunnels,
};
use crate::store::Store;

/// Connections at a time through each socket; more wait in its backlog.
const CONNECTIONS: usize = 256;

/// How long a client may take to send the head of a request; also how long a connection may be idle.
const HEAD_TIME: Duration = Duration::from_secs(30);

/// How long a client may take to send the body of a request.
const BODY_TIME: Duration = Duration::from_secs(10);

/// The longest head of a request, in bytes.
const HEAD_SIZE: usize = 64 * 1024;

/// The longest body of a request, in bytes.
const BODY_SIZE: usize = 64 * 1024;

/// How long answers under way may take once the lab goes down.
const GRACE: Duration = Duration::from_millis(200);

/// How long to wait when the process has no file descriptor left for another connection.
const OUT_OF_DESCRIPTORS: Duration = Duration::from_millis(500);

/// When the kernel begins to ask whether a silent TCP peer is still there, in seconds.
const KEEPALIVE_IDLE: u32 = 60;

/// Serves the API until `cancel` is cancelled, then ends streams, gives other answers under way a moment, and returns
/// when every connection is closed.
pub async fn serve(
    store: Store,
    control: Arc<dyn Control>,
    unix: UnixListener,
    tcp: Vec<TcpListener>,
    cancel: CancellationToken,
) {
    let tunnels = Tunnels::new(cancel.clone());
    let shared = Shared::new(store, control, cancel.clone(), tunnels.clone());
    let server = Server {
        router: routes::router(Arc::new(shared)),
        connections: TaskTracker::new(),
        cancel,
    };
    let mut listeners = JoinSet::new();
    listeners.spawn(server.clone().accept_all(unix));
    for listener in tcp {
        listeners.spawn(server.clone().accept_all(listener));
    }
    while listeners.join_next().await.is_some() {}
    server.connections.close();
    server.connections.wait().await;
    tunnels.ended().await;
}

#[derive(Clone)]
struct Server {
    router: Router,
    connections: TaskTracker,
    cancel: CancellationToken,
}

/// A socket that gives connections and says through which door they came.
trait Listener: Send + 'static {
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;
    fn accept(&self) -> impl Future<Output = io::Result<(Self::Stream, Gate)>> + Send;
}

impl Listener for UnixListener {
    type Stream = tokio::net::UnixStream;

    async fn accept(&self) -> io::Result<(Self::Stream, Gate)> {
        let (stream, _) = UnixListener::accept(self).await?;
        Ok((stream, Gate::Unix))
    }
}

impl Listener for TcpListener {
    type Stream = tokio::net::TcpStream;

    async fn accept(&self) -> io::Result<(Self::Stream, Gate)> {
        let (stream, _) = TcpListener::accept(self).await?;
        stream.set_nodelay(true)?;
        // A peer that vanished while it listened to a silent stream is noticed by the kernel, without a timer here.
        setsockopt(&stream, sockopt::KeepAlive, &true)?;
        setsockopt(&stream, sockopt::TcpKeepIdle, &KEEPALIVE_IDLE)?;
        let local = stream.local_addr()?.ip();
        Ok((stream, Gate::Tcp(local)))
    }
}

impl Server {
    async fn accept_all(self, listener: impl Listener) {
        let permits = Arc::new(Semaphore::new(CONNECTIONS));
        let next = async || {
            let permit = Arc::clone(&permits).acquire_owned().await;
            (permit, listener.accept().await)
        };
        loop {
            let (permit, accepted) = tokio::select! {
                next = next() => next,
                () = self.cancel.cancelled() => return,
            };
            match accepted {
                Ok((stream, gate)) => {
                    let connection = self.clone().connection(stream, gate);
                    self.connections.spawn(async move {
                        let _permit = permit;
                        connection.await;
                    });
                }
                Err(error) if matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE)) => {
                    tracing::warn!("the API cannot take another connection: {error}");
                    tokio::select! {
                        () = sleep(OUT_OF_DESCRIPTORS) => {}
                        () = self.cancel.cancelled() => return,
                    }
                }
                Err(error) => tracing::debug!("a connection was lost before it was taken: {error}"),
            }
        }
    }

    async fn connection(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, gate: Gate) {
        let router = TowerToHyperService::new(self.router);
        let service = service_fn(move |request| answer(router.clone(), gate, request));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIME)
            .max_buf_size(HEAD_SIZE)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let mut connection = pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.cancel.cancelled() => {
                connection.as_mut().graceful_shutdown();
                timeout(GRACE, connection).await.unwrap_or(Ok(()))
            }
        };
        if let Err(error) = ended {
            tracing::debug!("a connection to the API ended early: {error}");
        }
    }
}

async fn answer(
    router: TowerToHyperService<Router>,
    gate: Gate,
    request: Request<Incoming>,
) -> Result<Response, Infallible> {
    let mut response = match admit(gate, request).await {
        Ok(request) => router.call(request).await?,
        Err(refusal) => refusal.into_response(),
    };
    // What a guest or an app wrote must not be taken for a page or a script.
    let nosniff = HeaderValue::from_static("nosniff");
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    Ok(response)
}

/// Checks a request and reads its body, which is short or refused.
async fn admit(gate: Gate, request: Request<Incoming>) -> Result<Request<Body>, ApiError> {
    let (mut parts, body) = request.into_parts();
    gate.check(&parts)?;
    parts.extensions.insert(gate);
    if body.is_end_stream() {
        return Ok(Request::from_parts(parts, Body::empty()));
    }
    let too_large = || {
        ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("The body of the request is longer than {BODY_SIZE} bytes."),
        )
    };
    if body.size_hint().lower() > BODY_SIZE as u64 {
        return Err(too_large());
    }
    match timeout(BODY_TIME, Limited::new(body, BODY_SIZE).collect()).await {
        Ok(Ok(body)) => Ok(Request::from_parts(parts, Body::from(body.to_bytes()))),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(error)) => Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            format!("The body of the request could not be read: {error}."),
        )),
        Err(_) => Err(ApiError::new(
            StatusCode::REQUEST_TIMEOUT,
            "The body of the request did not come in time.",
        )),
    }
}
