//! Fetching over http and https. The proxy variables of the environment count.

use std::{io, sync::Arc, time::Duration};

use futures::TryStreamExt;
use reqwest::{Client, ClientBuilder};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use tokio::io::AsyncBufRead;
use tokio_util::io::StreamReader;

use super::images::chain;

/// How long a server has to accept a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(30);
/// How long a server may send nothing.
const SILENCE_LIMIT: Duration = Duration::from_secs(60);

/// Asks for a URL and returns its body as a stream, or in words why there is none.
pub(super) async fn download(url: &str) -> Result<impl AsyncBufRead + Send + Unpin + use<>, String> {
    let client = client(url).map_err(|error| chain(&error))?;
    let response = client.get(url).send().await;
    // The URL is named by whoever asked.
    let response = response.map_err(|error| chain(&error.without_url()))?;
    let status = response.status();
    if !status.is_success() {
        return Err(format!("the server answered {status}"));
    }
    let body = response.bytes_stream().map_err(io::Error::other);
    Ok(StreamReader::new(Box::pin(body)))
}

fn client(url: &str) -> Result<Client, reqwest::Error> {
    // An error says that somebody else has chosen a provider: theirs will do.
    drop(ring::default_provider().install_default());
    match builder().build() {
        // A host without any certificate authority can't check https, but http needs none. Should the server redirect
        // to https, no certificate will be good enough.
        Err(_) if url.starts_with("http://") => {
            let nobody = Arc::new(RootCertStore::empty());
            let config = ClientConfig::builder()
                .with_root_certificates(nobody)
                .with_no_client_auth();
            builder().tls_backend_preconfigured(config).build()
        }
        built => built,
    }
}

fn builder() -> ClientBuilder {
    Client::builder()
        .user_agent(concat!("placemat2/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_LIMIT)
        .read_timeout(SILENCE_LIMIT)
}
