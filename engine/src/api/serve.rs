//! The sockets of the API: connections taken, requests checked and answered, all ended in time when the lab goes down.

use std::{convert::Infallible, io, sync::Arc};

use axum::{
    Router,
    body::Body,
    http::{HeaderValue, Request, StatusCode, header},
    response::{IntoResponse, Response},
};
use hyper::{
    body::Incoming,
    service::{Service, service_fn},
};
use hyper_util::service::TowerToHyperService;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    task::JoinSet,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Control,
    answer::ApiError,
    gate::{Gate, Names},
    routes::{self, Shared},
    tunnel::Tunnels,
};
use crate::{
    accept::{self, Listener, accept_all},
    http::{self, BodyError},
    store::Store,
};

/// Connections at a time through each socket; more wait in its backlog.
const CONNECTIONS: usize = 256;

/// What is served here, for the log.
const WHAT: &str = "the API";

/// Serves the API until `cancel` is cancelled, to whoever calls this server by an address, `localhost` or one of `names`; then ends streams, gives other answers under way a moment, and returns
/// when every connection is closed.
pub async fn serve(
    store: Store,
    control: Arc<dyn Control>,
    unix: UnixListener,
    tcp: Vec<TcpListener>,
    names: Vec<String>,
    cancel: CancellationToken,
) {
    let tunnels = Tunnels::new(cancel.clone());
    let shared = Shared::new(store, control, cancel.clone(), tunnels.clone());
    let server = Server {
        router: routes::router(Arc::new(shared)),
        names: names.into(),
        connections: TaskTracker::new(),
        cancel,
    };
    let mut listeners = JoinSet::new();
    listeners.spawn(server.clone().accept_all(Gated(unix)));
    for listener in tcp {
        listeners.spawn(server.clone().accept_all(Gated(listener)));
    }
    while listeners.join_next().await.is_some() {}
    server.connections.close();
    server.connections.wait().await;
    tunnels.ended().await;
}

#[derive(Clone)]
struct Server {
    router: Router,
    names: Names,
    connections: TaskTracker,
    cancel: CancellationToken,
}

/// A listener that tells by which gate a connection came.
struct Gated<L>(L);

impl Listener for Gated<UnixListener> {
    type Connection = (UnixStream, Gate);

    async fn accept(&self) -> io::Result<Self::Connection> {
        Ok((Listener::accept(&self.0).await?, Gate::Unix))
    }
}

impl Listener for Gated<TcpListener> {
    type Connection = (TcpStream, Gate);

    async fn accept(&self) -> io::Result<Self::Connection> {
        let (stream, _) = Listener::accept(&self.0).await?;
        Ok((stream, Gate::Tcp))
    }
}

impl Server {
    async fn accept_all<S>(self, listener: impl Listener<Connection = (S, Gate)>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let serve = |(stream, gate)| self.clone().connection(stream, gate);
        let on_shortage = accept::warn(WHAT);
        accept_all(
            CONNECTIONS,
            listener,
            serve,
            on_shortage,
            &self.connections,
            &self.cancel,
        )
        .await;
    }

    async fn connection(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, gate: Gate) {
        let router = TowerToHyperService::new(self.router);
        let names = self.names;
        let service = service_fn(move |request| answer(router.clone(), names.clone(), gate, request));
        http::converse(WHAT, stream, service, &self.cancel).await;
    }
}

async fn answer(
    router: TowerToHyperService<Router>,
    names: Names,
    gate: Gate,
    request: Request<Incoming>,
) -> Result<Response, Infallible> {
    let mut response = match admit(gate, &names, request).await {
        Ok(request) => router.call(request).await?,
        Err(refusal) => refusal.into_response(),
    };
    // What a guest or an app wrote must not be taken for a page or a script.
    let nosniff = HeaderValue::from_static("nosniff");
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    Ok(response)
}

/// Checks a request and reads its body.
async fn admit(gate: Gate, names: &Names, request: Request<Incoming>) -> Result<Request<Body>, ApiError> {
    let (mut parts, body) = request.into_parts();
    gate.check(&parts, names)?;
    parts.extensions.insert(gate);
    match http::read_body(body).await {
        Ok(body) => Ok(Request::from_parts(parts, Body::from(body))),
        Err(error) => {
            let status = match error {
                BodyError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
                BodyError::Late => StatusCode::REQUEST_TIMEOUT,
                BodyError::Broken(_) => StatusCode::BAD_REQUEST,
            };
            Err(ApiError::new(status, error.to_string()))
        }
    }
}
