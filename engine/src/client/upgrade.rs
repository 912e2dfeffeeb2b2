//! A connection that stops being HTTP and carries bytes both ways.

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;

use super::ClientError;

/// A stream of bytes to and from a lab.
pub type Tunnel = TokioIo<Upgraded>;

impl super::Client {
    /// Asks for a stream of bytes; returns once the lab says that it stands.
    pub async fn tunnel(&self, path: &str) -> Result<Tunnel, ClientError> {
        let response = self.ask_for_tunnel(path).await?;
        let upgraded = hyper::upgrade::on(response).await;
        upgraded.map(TokioIo::new).map_err(|source| ClientError::Http {
            endpoint: self.endpoint().clone(),
            source,
        })
    }
}
