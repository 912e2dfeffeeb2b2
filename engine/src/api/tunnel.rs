//! Connections that stop being HTTP and carry bytes both ways (RFC 9110, section 7.8).

use std::sync::Arc;

use axum::{
    body::Body,
    http::{HeaderValue, Request, StatusCode, header},
    response::{IntoResponse, Response},
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, copy, copy_bidirectional, split},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::answer::ApiError;

/// What a client asks to upgrade to.
pub const PROTOCOL: &str = "placemat2-stream";

/// The most that is carried at once, in bytes.
const PIECE: usize = 16 * 1024;

/// Tunnels at a time.
const TUNNELS: usize = 1024;

/// When a tunnel ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// When both ends have said their last: either may listen on after it.
    BothEnd,
    /// As soon as the client closes its end, even if only for writing: what stands behind it is for the client alone.
    ClientEnds,
}

/// All tunnels of a server. Cheap to clone.
#[derive(Clone)]
pub struct Tunnels {
    tasks: TaskTracker,
    permits: Arc<Semaphore>,
    cancel: CancellationToken,
}

/// The right to one more tunnel.
pub struct Permit(OwnedSemaphorePermit);

impl Tunnels {
    /// None yet; all end with `cancel`.
    pub fn new(cancel: CancellationToken) -> Self {
        Self {
            tasks: TaskTracker::new(),
            permits: Arc::new(Semaphore::new(TUNNELS)),
            cancel,
        }
    }

    /// Checks that a request asks for a tunnel, and that there may be another one.
    pub fn permit(&self, request: &Request<Body>) -> Result<Permit, ApiError> {
        let asks = request
            .headers()
            .get(header::UPGRADE)
            .is_some_and(|wanted| wanted.as_bytes().eq_ignore_ascii_case(PROTOCOL.as_bytes()));
        if !asks {
            return Err(ApiError::new(
                StatusCode::UPGRADE_REQUIRED,
                format!("This path is a stream: ask with `Connection: upgrade` and `Upgrade: {PROTOCOL}`."),
            ));
        }
        let permit = Arc::clone(&self.permits).try_acquire_owned().map_err(|_| {
            ApiError::new(
                StatusCode::SERVICE_UNAVAILABLE,
                format!("More than {TUNNELS} streams at a time are not served."),
            )
        })?;
        Ok(Permit(permit))
    }

    /// Answers that the tunnel stands, and carries bytes between the client and `far`.
    pub fn open(
        &self,
        permit: Permit,
        request: Request<Body>,
        far: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        until: Until,
    ) -> Response {
        let cancel = self.cancel.clone();
        self.tasks.spawn(async move {
            let _permit = permit.0;
            let carry = async {
                let upgraded = hyper::upgrade::on(request).await.map_err(std::io::Error::other)?;
                carry(TokioIo::new(upgraded), far, until).await
            };
            tokio::select! {
                carried = carry => if let Err(error) = carried {
                    tracing::debug!("a stream broke off: {error}");
                },
                () = cancel.cancelled() => {}
            }
        });
        let headers = [
            (header::CONNECTION, HeaderValue::from_static("upgrade")),
            (header::UPGRADE, HeaderValue::from_static(PROTOCOL)),
        ];
        (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
    }

    /// Waits until all have ended.
    pub async fn ended(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

async fn carry(
    mut client: impl AsyncRead + AsyncWrite + Unpin,
    mut far: impl AsyncRead + AsyncWrite + Unpin,
    until: Until,
) -> std::io::Result<()> {
    if until == Until::BothEnd {
        return copy_bidirectional(&mut client, &mut far).await.map(drop);
    }
    let (mut from_client, mut to_client) = split(client);
    let (mut from_far, mut to_far) = split(far);
    let show = async {
        copy(&mut from_far, &mut to_client).await?;
        to_client.shutdown().await
    };
    tokio::select! {
        sent = send(&mut from_client, &mut to_far) => sent,
        shown = show => shown,
    }
}

/// Carries what the client types, until it closes.
async fn send(client: &mut (impl AsyncRead + Unpin), far: &mut (impl AsyncWrite + Unpin)) -> std::io::Result<()> {
    let mut buffer = vec![0; PIECE];
    loop {
        let count = client.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        if far.write_all(&buffer[..count]).await.is_err() {
            // The far end is gone: its last words may still be on their way, and end the tunnel.
            return std::future::pending().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::UnixStream;

    use super::*;

    #[tokio::test]
    async fn last_words_arrive_though_something_was_typed_after_them() {
        // Which of the two directions is looked at first is left to chance.
        for _ in 0..20 {
            let (mut client, near) = UnixStream::pair().unwrap();
            let (far, mut shell) = UnixStream::pair().unwrap();
            client.write_all(b"too late").await.unwrap();
            shell.write_all(b"last words").await.unwrap();
            drop(shell);
            let mut heard = Vec::new();
            let (carried, _) = tokio::join!(carry(near, far, Until::ClientEnds), client.read_to_end(&mut heard));
            carried.unwrap();
            // What nobody has read any more may be told of as a reset, after the last words.
            assert_eq!(String::from_utf8_lossy(&heard), "last words");
        }
    }
}
