//! `pmctl2 redfish`.

use anyhow::{Context as _, bail};
use clap::Args;
use placemat2_engine::{
    api::{RedfishAnswer, RedfishRequest},
    client::Client,
};
use serde_json::Value;

use super::connect::Session;
use crate::output;

/// Arguments of `pmctl2 redfish`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pmctl2 redfish boot-0 GET /redfish/v1/Systems/System.Embedded.1\n  pmctl2 redfish boot-0 POST \
                  /redfish/v1/Systems/System.Embedded.1/Actions/ComputerSystem.Reset '{\"ResetType\":\"On\"}'"
)]
pub struct Redfish {
    /// Name of the node
    #[arg(add = super::complete::nodes())]
    node: String,
    /// GET, PATCH, POST or DELETE
    #[arg(add = super::complete::words(&["GET", "PATCH", "POST", "DELETE"]))]
    method: String,
    /// Path of the resource: /redfish/v1/...
    path: String,
    /// Body of the request, in JSON
    body: Option<String>,
}

impl Redfish {
    /// Asks the BMC and prints what it answers.
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        let body = self.body.as_deref().map(serde_json::from_str);
        let request = RedfishRequest {
            method: self.method.to_ascii_uppercase(),
            // Those who know the interface often leave it out.
            path: if self.path.starts_with('/') {
                self.path
            } else {
                format!("/{}", self.path)
            },
            body: body.transpose().context("the body is not JSON")?,
            ..RedfishRequest::default()
        };
        let path = Client::path(&["bmcs", &self.node, "redfish"]);
        let answer: RedfishAnswer = session.ask_json(&path, &request).await?;
        match &answer.body {
            Value::Null => {}
            Value::String(text) => output::text(text)?,
            body => output::json(body)?,
        }
        if answer.status >= 400 {
            bail!("the BMC of {} answered {}", self.node, answer.status);
        }
        Ok(())
    }
}
