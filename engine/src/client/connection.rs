//! One request, one connection, one answer.

use std::{fmt::Write as _, io, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Method, Request, Response, StatusCode, body::Incoming, client::conn::http1, header, http::request};
use hyper_util::rt::TokioIo;
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
    time::timeout,
};

use super::{Endpoint, Lines, Pieces};
use crate::api::{Problem, TUNNEL_PROTOCOL};

/// How long connecting may take.
const CONNECT_TIME: Duration = Duration::from_secs(5);

/// How long the answer to a `GET` may take to begin. An action on a node takes as long as it takes.
const ANSWER_TIME: Duration = Duration::from_secs(30);

/// The longest answer that is read as a whole, in bytes.
const ANSWER_SIZE: usize = 256 * 1024 * 1024;

/// A client of one lab's API.
#[derive(Clone, Debug)]
pub struct Client {
    endpoint: Endpoint,
}

/// Why there is no answer, or not the one asked for.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens there, or not to us.
    #[error("cannot connect to {endpoint}: {source}")]
    Connect {
        /// Where.
        endpoint: Endpoint,
        /// Why.
        source: io::Error,
    },
    /// What answers does not speak HTTP, or stopped in the middle.
    #[error("{endpoint} does not answer as a lab does: {source}")]
    Http {
        /// Where.
        endpoint: Endpoint,
        /// Why.
        source: hyper::Error,
    },
    /// No answer came.
    #[error("{endpoint} did not answer within {} s", ANSWER_TIME.as_secs())]
    Slow {
        /// Where.
        endpoint: Endpoint,
    },
    /// The lab refused or failed.
    #[error("{message}")]
    Refused {
        /// The status code.
        status: u16,
        /// The lab's own words.
        message: String,
    },
    /// The answer is not what was expected.
    #[error("{endpoint} gave an answer that cannot be read: {reason}")]
    Answer {
        /// Where.
        endpoint: Endpoint,
        /// What is wrong with it.
        reason: String,
    },
}

impl Client {
    /// A client of the API that answers there.
    pub fn new(endpoint: Endpoint) -> Self {
        Self { endpoint }
    }

    /// Where the API answers.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Returns the path of an object: its segments joined by slashes, each escaped as RFC 3986 asks for.
    pub fn path(segments: &[&str]) -> String {
        let mut path = String::new();
        for segment in segments {
            path.push('/');
            for byte in segment.bytes() {
                if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                    path.push(char::from(byte));
                } else {
                    // Writing to a string cannot fail.
                    let _ = write!(path, "%{byte:02X}");
                }
            }
        }
        path
    }

    /// Gets a JSON answer.
    pub async fn get_json<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let response = self.get(path, "application/json").await?;
        self.read(response).await
    }

    async fn read<T: DeserializeOwned>(&self, response: Response<Incoming>) -> Result<T, ClientError> {
        let body = self.whole(response).await?;
        serde_json::from_slice(&body).map_err(|error| self.unreadable(&error.to_string()))
    }

    /// Asks for something to be done; returns when it is.
    pub async fn post(&self, path: &str) -> Result<(), ClientError> {
        let response = self.send(Method::POST, path, "application/json").await?;
        self.succeeded(response).await.map(drop)
    }

    /// Asks for what an object describes; returns when it is done.
    pub async fn post_json(&self, path: &str, object: &impl Serialize) -> Result<(), ClientError> {
        self.posted(path, object).await.map(drop)
    }

    /// Asks for what an object describes, and returns what is answered.
    pub async fn ask_json<T: DeserializeOwned>(&self, path: &str, object: &impl Serialize) -> Result<T, ClientError> {
        let response = self.posted(path, object).await?;
        self.read(response).await
    }

    async fn posted(&self, path: &str, object: &impl Serialize) -> Result<Response<Incoming>, ClientError> {
        let body = serde_json::to_vec(object).map_err(|error| self.unreadable(&error.to_string()))?;
        let request = self
            .request(Method::POST, path, "close")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::from(body));
        let request = request.map_err(|error| self.unreadable(&error.to_string()))?;
        let response = self.ask(request).await?;
        self.succeeded(response).await
    }

    /// Sends bytes; returns when they have been taken.
    pub async fn post_bytes(&self, path: &str, bytes: Bytes) -> Result<(), ClientError> {
        let request = self.request(Method::POST, path, "close").body(Full::from(bytes));
        let request = request.map_err(|error| self.unreadable(&error.to_string()))?;
        let response = self.ask(request).await?;
        self.succeeded(response).await.map(drop)
    }

    /// Asks for a thing to be as the path says; returns when it is.
    pub async fn put(&self, path: &str) -> Result<(), ClientError> {
        let response = self.send(Method::PUT, path, "application/json").await?;
        self.succeeded(response).await.map(drop)
    }

    /// Gets an answer as it is.
    pub async fn get_bytes(&self, path: &str) -> Result<Bytes, ClientError> {
        let response = self.get(path, "*/*").await?;
        self.whole(response).await
    }

    /// Gets an answer as it is, piece by piece, that may go on for as long as it is read.
    pub async fn pieces(&self, path: &str) -> Result<Pieces, ClientError> {
        let response = self.get(path, "*/*").await?;
        Ok(Pieces::new(self.endpoint.clone(), response.into_body()))
    }

    /// Asks for something to be deleted; returns when it is.
    pub async fn delete(&self, path: &str) -> Result<(), ClientError> {
        let response = self.send(Method::DELETE, path, "application/json").await?;
        self.succeeded(response).await.map(drop)
    }

    /// Asks for a connection to stop being HTTP.
    pub(super) async fn ask_for_tunnel(&self, path: &str) -> Result<Response<Incoming>, ClientError> {
        let request = self
            .request(Method::GET, path, "upgrade")
            .header(header::UPGRADE, TUNNEL_PROTOCOL)
            .body(Full::default());
        let request = request.map_err(|error| self.unreadable(&error.to_string()))?;
        let response = self.ask(request).await?;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Ok(response);
        }
        self.succeeded(response).await?;
        Err(self.unreadable("it goes on as HTTP where a stream was asked for"))
    }

    /// Gets an answer of JSON lines (`application/x-ndjson`) that may go on for as long as it is read.
    pub async fn stream(&self, path: &str) -> Result<Lines, ClientError> {
        let response = self.get(path, "application/x-ndjson").await?;
        Ok(Lines::new(self.endpoint.clone(), response.into_body()))
    }

    async fn get(&self, path: &str, accept: &'static str) -> Result<Response<Incoming>, ClientError> {
        let slow = |_| ClientError::Slow {
            endpoint: self.endpoint.clone(),
        };
        let response = timeout(ANSWER_TIME, self.send(Method::GET, path, accept)).await;
        self.succeeded(response.map_err(slow)??).await
    }

    async fn send(&self, method: Method, path: &str, accept: &'static str) -> Result<Response<Incoming>, ClientError> {
        let request = self
            .request(method, path, "close")
            .header(header::ACCEPT, accept)
            .body(Full::default())
            .map_err(|error| self.unreadable(&error.to_string()))?;
        self.ask(request).await
    }

    fn request(&self, method: Method, path: &str, connection: &'static str) -> request::Builder {
        Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, self.endpoint.host())
            .header(header::CONNECTION, connection)
    }

    async fn ask(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, ClientError> {
        match &self.endpoint {
            Endpoint::Unix(socket) => {
                self.exchange(self.connected(UnixStream::connect(socket)).await?, request)
                    .await
            }
            Endpoint::Tcp(host, port) => {
                let stream = self.connected(TcpStream::connect((host.as_str(), *port))).await?;
                self.exchange(stream, request).await
            }
        }
    }

    async fn connected<S>(&self, connect: impl Future<Output = io::Result<S>>) -> Result<S, ClientError> {
        let connected = timeout(CONNECT_TIME, connect).await;
        let connected = connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        connected.map_err(|source| ClientError::Connect {
            endpoint: self.endpoint.clone(),
            source,
        })
    }

    async fn exchange(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, ClientError> {
        let broken = |source| ClientError::Http {
            endpoint: self.endpoint.clone(),
            source,
        };
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        // Ends by itself when the answer has been read or dropped; its errors reach whoever reads the answer.
        tokio::spawn(connection.with_upgrades());
        sender.send_request(request).await.map_err(broken)
    }

    async fn succeeded(&self, response: Response<Incoming>) -> Result<Response<Incoming>, ClientError> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = self.whole(response).await?;
        let message = match serde_json::from_slice::<Problem>(&body) {
            Ok(problem) => problem.error,
            Err(_) => format!("{} answered {}", self.endpoint, describe(status)),
        };
        let status = status.as_u16();
        Err(ClientError::Refused { status, message })
    }

    async fn whole(&self, response: Response<Incoming>) -> Result<Bytes, ClientError> {
        let body = Limited::new(response.into_body(), ANSWER_SIZE).collect().await;
        let body = body.map_err(|error| self.unreadable(&error.to_string()))?;
        Ok(body.to_bytes())
    }

    fn unreadable(&self, reason: &str) -> ClientError {
        ClientError::Answer {
            endpoint: self.endpoint.clone(),
            reason: reason.to_owned(),
        }
    }
}

fn describe(status: StatusCode) -> String {
    match status.canonical_reason() {
        Some(reason) => format!("{} {reason}", status.as_u16()),
        None => status.as_u16().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped() {
        assert_eq!(Client::path(&["nodes", "boot-0"]), "/nodes/boot-0");
        assert_eq!(Client::path(&["nodes", "a/../b c?é"]), "/nodes/a%2F..%2Fb%20c%3F%C3%A9");
    }

    #[tokio::test]
    async fn nobody_there() {
        let client = Client::new(Endpoint::Unix("/nonexistent/api.sock".into()));
        let error = client.get_json::<()>("/lab").await.unwrap_err();
        assert!(matches!(error, ClientError::Connect { .. }));
        assert!(error.to_string().contains("unix:///nonexistent/api.sock"), "{error}");
    }
}
