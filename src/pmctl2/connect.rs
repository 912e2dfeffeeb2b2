//! Which lab a command speaks to.

use std::time::Duration;

use clap::Args;
use placemat2_engine::client::{self, Client, ClientError, Console, Endpoint, Found, Lines, Tunnel};
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::sleep;

use crate::output;

/// Answers of the API as they come, the order of keys kept (which `serde_json::Value` would not).
pub type Value = serde_yaml::Value;

/// The options that choose a lab.
#[derive(Debug, Args)]
pub struct Target {
    /// Where the lab's API answers: http://HOST:PORT or unix:///PATH
    #[arg(long, global = true, value_name = "URL", env = "PLACEMAT2_ENDPOINT")]
    pub endpoint: Option<Endpoint>,
    /// The lab of that name on this host
    #[arg(long, global = true, value_name = "NAME", env = "PLACEMAT2_LAB", add = super::complete::labs())]
    pub lab: Option<String>,
}

/// A client of the chosen lab, with the words to use if nobody is there.
#[derive(Clone)]
pub struct Session {
    client: Client,
    hint: Option<String>,
    /// Nobody named the lab: it was looked for.
    discovered: bool,
}

impl Session {
    /// Chooses a lab.
    pub fn open(target: Target) -> anyhow::Result<Self> {
        let discovered = target.endpoint.is_none() && target.lab.is_none();
        let found = match (target.endpoint, target.lab) {
            (Some(endpoint), _) => Found { endpoint, hint: None },
            (None, Some(lab)) => Found {
                endpoint: Endpoint::Unix(client::lab_socket(&lab)?),
                hint: Some(format!(
                    "the lab {lab:?} does not run on this host, or not so that this user may reach it"
                )),
            },
            (None, None) => client::discover()?,
        };
        Ok(Self {
            client: Client::new(found.endpoint),
            hint: found.hint,
            discovered,
        })
    }

    /// The session once somebody answers, asked every `pause`. A lab that nobody named is looked for anew each time: where it will
    /// answer is known when it runs.
    pub async fn answered(&self, pause: Duration) -> anyhow::Result<Self> {
        let mut session = self.clone();
        let mut told = false;
        while !session.answers().await {
            if !std::mem::replace(&mut told, true) {
                output::note("pmctl2", &session.silence());
            }
            sleep(pause).await;
            if session.discovered {
                session = Self::open(Target {
                    endpoint: None,
                    lab: None,
                })?;
            }
        }
        Ok(session)
    }

    /// That nobody answers yet, and who would: a name may be misspelt.
    fn silence(&self) -> String {
        let running = client::running_labs();
        let running = match running.as_slice() {
            [] => "none".to_owned(),
            labs => labs.join(", "),
        };
        let endpoint = self.endpoint();
        format!("no lab answers yet at {endpoint}; waiting for one. Labs that run on this host: {running}")
    }

    /// Whether somebody answers.
    pub async fn answers(&self) -> bool {
        let answer: Result<serde_json::Value, _> = self.client.get_json(&Client::path(&["lab"])).await;
        !matches!(answer, Err(ClientError::Connect { .. }))
    }

    /// Gets the object at a path.
    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.client.get_json(path).await.map_err(|error| self.explained(error))
    }

    /// Gets the list at a path.
    pub async fn list(&self, path: &str) -> anyhow::Result<Vec<Value>> {
        self.client.get_json(path).await.map_err(|error| self.explained(error))
    }

    /// Gets what is at a path, read as what it is.
    pub async fn read<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        self.client.get_json(path).await.map_err(|error| self.explained(error))
    }

    /// Asks for an action.
    pub async fn post(&self, path: &str) -> anyhow::Result<()> {
        self.client.post(path).await.map_err(|error| self.explained(error))
    }

    /// Asks for what an object describes.
    pub async fn post_json(&self, path: &str, object: &impl Serialize) -> anyhow::Result<()> {
        let posted = self.client.post_json(path, object).await;
        posted.map_err(|error| self.explained(error))
    }

    /// Asks for what an object describes, and returns what is answered.
    pub async fn ask_json<T: DeserializeOwned>(&self, path: &str, object: &impl Serialize) -> anyhow::Result<T> {
        let answered = self.client.ask_json(path, object).await;
        answered.map_err(|error| self.explained(error))
    }

    /// Asks for something to be deleted.
    pub async fn delete(&self, path: &str) -> anyhow::Result<()> {
        self.client.delete(path).await.map_err(|error| self.explained(error))
    }

    /// Asks what there is no word for above.
    pub async fn with<T>(&self, ask: impl AsyncFnOnce(&Client) -> Result<T, ClientError>) -> anyhow::Result<T> {
        ask(&self.client).await.map_err(|error| self.explained(error))
    }

    /// Opens a stream of bytes both ways.
    pub async fn tunnel(&self, path: &str) -> anyhow::Result<Tunnel> {
        self.client.tunnel(path).await.map_err(|error| self.explained(error))
    }

    /// Opens a node's serial console.
    pub async fn console(&self, path: &str) -> anyhow::Result<Console> {
        self.client.console(path).await.map_err(|error| self.explained(error))
    }

    /// Returns where the lab's API answers, as `--endpoint` takes it.
    pub fn endpoint(&self) -> String {
        self.client.endpoint().to_string()
    }

    /// Opens a stream of JSON lines.
    pub async fn stream(&self, path: &str) -> anyhow::Result<Lines> {
        self.client.stream(path).await.map_err(|error| self.explained(error))
    }

    fn explained(&self, error: ClientError) -> anyhow::Error {
        match (&self.hint, error) {
            (Some(hint), error @ ClientError::Connect { .. }) => anyhow::anyhow!("{hint} ({error})"),
            (_, error) => error.into(),
        }
    }
}
