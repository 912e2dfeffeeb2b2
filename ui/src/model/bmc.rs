//! BMCs: the list, and what the one that is looked at tells of itself over Redfish.

use std::time::Duration;

use placemat2_engine::api::{RedfishAnswer, RedfishRequest};
use serde_json::Value;

use super::{explorer::Explorer, rows::Rows};
use crate::action::{Action, Demand};

/// BMCs.
#[derive(Clone, Debug, Default)]
pub struct Bmcs {
    /// The list: every node, with its BMC or without.
    pub rows: Rows,
    /// The node whose BMC is read from time to time.
    pub followed: Option<String>,
    /// What it told.
    pub survey: Option<Survey>,
    /// Why it told nothing.
    pub failure: Option<String>,
    /// The form that is to be opened once that node's BMC has told what it needs.
    pub wanted: Option<(String, Action)>,
    /// The resources of one.
    pub explorer: Explorer,
}

impl Bmcs {
    /// What the BMC of that node told, if it is the one that is read.
    pub fn survey_of(&self, node: &str) -> Option<&Survey> {
        self.survey.as_ref().filter(|survey| survey.node == node)
    }
}

/// What a BMC tells of itself: resources of Redfish's schemas, found by their links.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Survey {
    /// Its node.
    pub node: String,
    /// The ComputerSystem.
    pub system: Value,
    /// The ManagerNetworkProtocol.
    pub protocols: Value,
    /// The sensors of the chassis.
    pub sensors: Vec<Value>,
    /// The entries of the system's event log, the newest last.
    pub log: Vec<Value>,
    /// The VirtualMedia.
    pub media: Vec<Value>,
}

impl Survey {
    /// The property `Boot` of the system, if it can be told from what to boot.
    pub fn boot(&self) -> Option<&Value> {
        self.system.get("Boot").filter(|boot| boot.get(TARGET).is_some())
    }

    /// Why this BMC refuses what is asked of a power menu: it does not name it among what it can do.
    pub fn refuses(&self, demand: Demand) -> Option<String> {
        refuses(&self.system, demand)
    }
}

const TARGET: &str = "BootSourceOverrideTarget";

/// Why a system refuses what is asked of a power menu: it does not name it among what it can do.
pub fn refuses(system: &Value, demand: Demand) -> Option<String> {
    let (property, wanted, offered) = match demand {
        Demand::Verb(_) => return None,
        Demand::Boot(boot) => (TARGET, boot.target(), system.get("Boot")?),
        Demand::Reset(reset) => (
            "ResetType",
            reset.word(),
            system.pointer("/Actions/#ComputerSystem.Reset")?,
        ),
    };
    let offered = allowable(offered, property)?;
    (!offered.contains(&wanted)).then(|| format!("this BMC offers {}", offered.join(", ")))
}

/// What a property or a parameter may be, as `@Redfish.AllowableValues` (DSP0266, Allowable values) tells beside it.
pub fn allowable<'a>(object: &'a Value, property: &str) -> Option<Vec<&'a str>> {
    let values = object.get(format!("{property}@Redfish.AllowableValues"))?.as_array()?;
    Some(values.iter().filter_map(Value::as_str).collect())
}

/// A request to a BMC, and what came of it.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The node.
    pub node: String,
    /// What was asked.
    pub request: RedfishRequest,
    /// What was answered, or why nothing was.
    pub answer: Result<RedfishAnswer, String>,
    /// How long it took.
    pub took: Duration,
}

impl Exchange {
    /// Why it did not do what was asked, in the BMC's words; `None` if it did.
    pub fn failure(&self) -> Option<String> {
        let answer = match &self.answer {
            Ok(answer) if answer.status < 400 => return None,
            Ok(answer) => answer,
            Err(reason) => return Some(reason.clone()),
        };
        let messages = messages(&answer.body).join(" ");
        Some(match messages.as_str() {
            "" => format!("the BMC answered {}", answer.status),
            messages => format!("{} {messages}", answer.status),
        })
    }

    /// Whether what was asked is still being done: a task is (DSP0266, Asynchronous operations).
    pub fn goes_on(&self) -> bool {
        self.answer.as_ref().is_ok_and(|answer| answer.status == 202)
    }

    /// The command that asks the same, behind `pmctl2`.
    pub fn command(&self) -> String {
        let RedfishRequest { method, path, body, .. } = &self.request;
        let quoted = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
        let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
        let path = if path.chars().all(plain) {
            path.clone()
        } else {
            quoted(path)
        };
        let body = body.as_ref().map(|body| format!(" {}", quoted(&body.to_string())));
        format!("redfish {} {method} {path}{}", self.node, body.unwrap_or_default())
    }
}

/// The messages in a body: those of an error, or those that come with a success (DSP0266, Extended information).
pub fn messages(body: &Value) -> Vec<&str> {
    let places = ["/error/@Message.ExtendedInfo", "/@Message.ExtendedInfo"];
    let infos = places
        .iter()
        .filter_map(|place| body.pointer(place)?.as_array())
        .flatten();
    infos
        .filter_map(|info| info.get("Message").and_then(Value::as_str))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::action::{Boot, Reset};

    #[test]
    fn a_bmc_refuses_what_it_does_not_name() {
        let system = json!({
            "Boot": { "BootSourceOverrideTarget": "None", "BootSourceOverrideTarget@Redfish.AllowableValues": ["None", "Pxe"] },
            "Actions": { "#ComputerSystem.Reset": { "target": "/x" } },
        });
        assert_eq!(refuses(&system, Demand::Boot(Boot::Pxe)), None);
        assert_eq!(
            refuses(&system, Demand::Boot(Boot::Cd)).as_deref(),
            Some("this BMC offers None, Pxe")
        );
        // What names nothing is asked.
        assert_eq!(refuses(&system, Demand::Reset(Reset::Nmi)), None);
    }

    #[test]
    fn the_command_is_one_for_a_shell() {
        let mut exchange = Exchange {
            node: "r0-s1".into(),
            request: RedfishRequest {
                method: "PATCH".into(),
                path: "/redfish/v1/Systems/a?$select=Boot".into(),
                body: Some(json!({ "Name": "it's" })),
                ..RedfishRequest::default()
            },
            answer: Err("gone".into()),
            took: Duration::ZERO,
        };
        assert_eq!(
            exchange.command(),
            r#"redfish r0-s1 PATCH '/redfish/v1/Systems/a?$select=Boot' '{"Name":"it'\''s"}'"#
        );
        assert_eq!(exchange.failure().as_deref(), Some("gone"));
        assert!(!exchange.goes_on());
        exchange.answer = Ok(RedfishAnswer {
            status: 400,
            headers: std::collections::BTreeMap::new(),
            body: json!({ "error": { "@Message.ExtendedInfo": [{ "Message": "No." }] } }),
        });
        assert_eq!(exchange.failure().as_deref(), Some("400 No."));
    }
}
