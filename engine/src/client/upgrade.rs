//! A connection that stops being HTTP and carries bytes both ways.

use hyper::{Response, body::Incoming, upgrade::Upgraded};
use hyper_util::rt::TokioIo;

use super::ClientError;
use crate::api::SHELL_HEADER;

/// A stream of bytes to and from a lab.
pub type Tunnel = TokioIo<Upgraded>;

/// A shell inside a lab.
#[derive(Debug)]
pub struct Shell {
    /// Its id: `/shells/ID` knows how it ended, `/shells/ID/size` resizes its terminal.
    pub id: String,
    /// What is written is typed, what is read is shown.
    pub stream: Tunnel,
}

impl super::Client {
    /// Asks for a stream of bytes; returns once the lab says that it stands.
    pub async fn tunnel(&self, path: &str) -> Result<Tunnel, ClientError> {
        let response = self.ask_for_tunnel(path).await?;
        self.upgraded(response).await
    }

    /// Asks for a shell; returns once it runs.
    pub async fn shell(&self, path: &str) -> Result<Shell, ClientError> {
        let response = self.ask_for_tunnel(path).await?;
        let id = response.headers().get(SHELL_HEADER);
        let id = id.and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned();
        let stream = self.upgraded(response).await?;
        Ok(Shell { id, stream })
    }

    async fn upgraded(&self, response: Response<Incoming>) -> Result<Tunnel, ClientError> {
        let upgraded = hyper::upgrade::on(response).await;
        upgraded.map(TokioIo::new).map_err(|source| ClientError::Http {
            endpoint: self.endpoint().clone(),
            source,
        })
    }
}
