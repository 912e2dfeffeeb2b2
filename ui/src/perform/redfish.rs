//! Requests to BMCs, through the lab's API. Resources are found by their links, as any Redfish client finds them.

use std::time::{Duration, Instant};

use placemat2_engine::{
    api::{RedfishAnswer, RedfishRequest},
    client::Client,
};
use serde_json::{Value, json};

use super::Sender;
use crate::{
    action::{Boot, Demand, Reset},
    model::{
        bmc::{Exchange, Survey, refuses},
        explorer::ROOT,
    },
    msg::Msg,
};

/// How often a BMC is read while it is on the screen: it tells nobody that a sensor reads something else.
const EVERY: Duration = Duration::from_secs(2);
/// Members of a collection that are read.
const MEMBERS: usize = 32;
/// Entries of a log that are kept, the newest.
const ENTRIES: usize = 100;

/// A BMC.
#[derive(Clone)]
pub struct Bmc {
    client: Client,
    node: String,
}

impl Bmc {
    /// That of a node.
    pub fn new(client: Client, node: String) -> Self {
        Self { client, node }
    }

    /// Asks it for something.
    pub async fn ask(&self, request: RedfishRequest) -> Exchange {
        let path = Client::path(&["bmcs", &self.node, "redfish"]);
        let begun = Instant::now();
        let answer = self.client.ask_json::<RedfishAnswer>(&path, &request).await;
        Exchange {
            node: self.node.clone(),
            request,
            answer: answer.map_err(|error| error.to_string()),
            took: begun.elapsed(),
        }
    }

    async fn get(&self, path: &str) -> Result<Value, String> {
        let exchange = self.ask(request("GET", path, None)).await;
        match exchange.failure() {
            None => exchange.answer.map(|answer| answer.body),
            Some(reason) => Err(format!("{path}: {reason}")),
        }
    }

    /// The resource behind a link; nothing if there is none, or if it can't be read.
    async fn behind(&self, link: Option<&Value>) -> Value {
        match link.and_then(path_of) {
            Some(path) => self.get(path).await.unwrap_or_default(),
            None => Value::Null,
        }
    }

    /// The members of the collection behind a link. Some stand in it as a whole.
    async fn members(&self, link: Option<&Value>) -> Vec<Value> {
        let collection = self.behind(link).await;
        let Some(Value::Array(members)) = collection.get("Members") else {
            return Vec::new();
        };
        let skipped = members.len().saturating_sub(ENTRIES);
        let mut found = Vec::new();
        let mut read = 0;
        for member in members.iter().skip(skipped) {
            if member.as_object().is_some_and(|member| member.len() > 1) {
                found.push(member.clone());
            } else if read < MEMBERS {
                read += 1;
                found.push(self.behind(Some(member)).await);
            }
        }
        found
    }

    /// The system, of which a BMC of a lab has one.
    async fn system(&self) -> Result<Value, String> {
        let root = self.get(ROOT).await?;
        let none = || "this BMC has no system".to_owned();
        let systems = root.get("Systems").and_then(path_of).ok_or_else(none)?;
        let systems = self.get(systems).await?;
        let first = systems.pointer("/Members/0").and_then(path_of).ok_or_else(none)?;
        self.get(first).await
    }

    /// Tells it from what to boot next; `Err` if it has no such thing.
    pub async fn boot(&self, boot: Boot) -> Result<Exchange, String> {
        let system = self.system().await?;
        if let Some(reason) = refuses(&system, Demand::Boot(boot)) {
            return Err(reason);
        }
        let path = path_of(&system).ok_or("the system of this BMC has no path")?;
        let wanted = json!({
            "BootSourceOverrideTarget": boot.target(),
            "BootSourceOverrideEnabled": boot.enabled(),
        });
        Ok(self.ask(request("PATCH", path, Some(json!({ "Boot": wanted })))).await)
    }

    /// Asks for a reset; `Err` if it has no such thing.
    pub async fn reset(&self, reset: Reset) -> Result<Exchange, String> {
        let system = self.system().await?;
        if let Some(reason) = refuses(&system, Demand::Reset(reset)) {
            return Err(reason);
        }
        let target = system.pointer("/Actions/#ComputerSystem.Reset/target");
        let target = target
            .and_then(Value::as_str)
            .ok_or("resets: not offered by this BMC")?;
        let body = json!({ "ResetType": reset.word() });
        Ok(self.ask(request("POST", target, Some(body))).await)
    }

    async fn survey(&self) -> Result<Survey, String> {
        let system = self.system().await?;
        let manager = self.behind(system.pointer("/Links/ManagedBy/0")).await;
        let chassis = self.behind(system.pointer("/Links/Chassis/0")).await;
        let mut log = Vec::new();
        for service in self.members(system.get("LogServices")).await {
            log.extend(self.members(service.get("Entries")).await);
        }
        // DMTF has moved them from the manager to the system; where both have them, they are the same.
        let mut media = self.members(manager.get("VirtualMedia")).await;
        if media.is_empty() {
            media = self.members(system.get("VirtualMedia")).await;
        }
        Ok(Survey {
            node: self.node.clone(),
            protocols: self.behind(manager.get("NetworkProtocol")).await,
            sensors: self.members(chassis.get("Sensors")).await,
            log,
            media,
            system,
        })
    }

    /// Reads it from time to time, until aborted.
    pub async fn watch(self, messages: Sender) {
        let mut before = None;
        loop {
            let survey = self.survey().await;
            if before.as_ref() != Some(&survey) {
                let told = survey.clone().map(Box::new);
                before = Some(survey);
                if messages.send(Msg::Surveyed(self.node.clone(), told)).await.is_err() {
                    return;
                }
            }
            tokio::time::sleep(EVERY).await;
        }
    }
}

fn request(method: &str, path: &str, body: Option<Value>) -> RedfishRequest {
    RedfishRequest {
        method: method.into(),
        path: path.to_owned(),
        body,
        ..RedfishRequest::default()
    }
}

/// The path a link names.
fn path_of(link: &Value) -> Option<&str> {
    link.get("@odata.id")?.as_str()
}
