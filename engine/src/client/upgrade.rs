//! A connection that stops being HTTP and carries bytes both ways.

use hyper::{Response, body::Incoming, upgrade::Upgraded};
use hyper_util::rt::TokioIo;

use super::ClientError;
use crate::api::{REPLAY_HEADER, SHELL_HEADER};

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

/// A node's serial console.
#[derive(Debug)]
pub struct Console {
    /// How many of the first bytes to be read the guest had written before. An engine of a version that does not tell says
    /// that there are none.
    pub replay: u64,
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

    /// Asks for a node's console; returns once it is there.
    pub async fn console(&self, path: &str) -> Result<Console, ClientError> {
        let response = self.ask_for_tunnel(path).await?;
        let replay = response.headers().get(REPLAY_HEADER);
        let replay = replay.and_then(|replay| replay.to_str().ok()?.parse().ok());
        let stream = self.upgraded(response).await?;
        Ok(Console {
            replay: replay.unwrap_or(0),
            stream,
        })
    }

    async fn upgraded(&self, response: Response<Incoming>) -> Result<Tunnel, ClientError> {
        let upgraded = hyper::upgrade::on(response).await;
        upgraded.map(TokioIo::new).map_err(|source| ClientError::Http {
            endpoint: self.endpoint().clone(),
            source,
        })
    }
}
