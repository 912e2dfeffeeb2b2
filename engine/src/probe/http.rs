//! Asking a web server.

use http_body_util::Empty;
use hyper::{Request, StatusCode, body::Bytes, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

/// Asks for `path` over a connection, and returns the status. `host` is whom the request names.
pub async fn get(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    host: &str,
    path: &str,
) -> Result<StatusCode, hyper::Error> {
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

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::{TcpListener, TcpStream},
    };

    use super::*;

    /// Asks a server that answers so.
    async fn ask(answer: &'static str) -> Result<(String, StatusCode), hyper::Error> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let server = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let count = stream.read(&mut request).await.unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8_lossy(&request[..count]).to_ascii_lowercase()
        };
        let (request, status) = tokio::join!(server, get(stream, "web:8080", "/health?deep"));
        Ok((request, status?))
    }

    #[tokio::test]
    async fn the_status_is_told() {
        let (request, status) = ask("HTTP/1.1 503 Not yet\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        assert_eq!(status, 503);
        assert!(request.starts_with("get /health?deep http/1.1\r\n"), "{request}");
        assert!(request.contains("\r\nhost: web:8080\r\n"), "{request}");
    }

    #[tokio::test]
    async fn what_speaks_another_language_is_an_error() {
        assert!(ask("SSH-2.0-OpenSSH_9.2\r\n").await.is_err());
        assert!(ask("").await.is_err());
    }
}
