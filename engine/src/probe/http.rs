//! Asking a web server.

use http_body_util::Empty;
use hyper::{Request, StatusCode, body::Bytes, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Asks for `path` over a connection, and returns the status. `host` is whom the request names.
pub async fn get(stream: TcpStream, host: &str, path: &str) -> Result<StatusCode, hyper::Error> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let mut request = Request::new(Empty::<Bytes>::new());
    // Both come from a URL that could be read.
    *request.uri_mut() = path.parse().unwrap_or_default();
    if let Ok(host) = host.parse() {
        request.headers_mut().insert(header::HOST, host);
    }
    let answer = sender.send_request(request);
    tokio::select! {
        answer = answer => Ok(answer?.status()),
        // It works while it is polled, and ends when the answer is there or can't come.
        Err(error) = connection => Err(error),
    }
}
