//! Why what can't be done now can't.

use placemat2_engine::store::Ready;

use super::{Model, mirror::Connection};
use crate::{
    action::{Action, Demand, View},
    glyph::State,
};

impl Model {
    /// Why an action can't be done now.
    pub fn refused(&self, action: Action) -> Option<String> {
        let connected = self.mirror.connection == Connection::Connected;
        let changes = matches!(
            action,
            Action::Power(_)
                | Action::PowerMenu
                | Action::Shell
                | Action::Restart
                | Action::Type
                | Action::Broadcast
                | Action::Break
                | Action::TellSize
                | Action::BootOverride
                | Action::Media
                | Action::Actions
                | Action::Patch
                | Action::Request
        );
        if changes && self.settings.readonly {
            return Some("this console is read-only (--readonly)".into());
        }
        if (changes
            || matches!(
                action,
                Action::Open | Action::OpenConsole | Action::Console | Action::ReadAgain
            ))
            && !connected
        {
            return Some("there is no connection to the lab".into());
        }
        let missing = |what: &str| Some(format!("no {what} is selected"));
        match action {
            Action::Power(_) | Action::PowerMenu if self.chosen_nodes().is_empty() => missing("node"),
            Action::Power(demand) => {
                let nodes = self.chosen_nodes();
                let reasons: Vec<_> = nodes.iter().map(|node| self.refused_demand(demand, node)).collect();
                match reasons.first() {
                    Some(Some(reason)) if reasons.iter().all(Option::is_some) => Some(reason.clone()),
                    _ => None,
                }
            }
            Action::Shell if self.view == View::Nodes || self.map.selects_node() && self.view == View::Topology => {
                let name = self.chosen_nodes().into_iter().next();
                match name.as_deref().and_then(|name| self.mirror.node(name)) {
                    None => missing("node"),
                    Some(node) if node.addresses.is_empty() => Some(format!(
                        "no address of {} is known: it has none in its seed, and no DHCP server was seen to give it one",
                        node.name
                    )),
                    Some(_) => None,
                }
            }
            Action::Console | Action::BootOverride | Action::Media | Action::ReadAgain
                if self.chosen_bmc().is_none() =>
            {
                missing("node")
            }
            Action::Open if self.view == View::Bmc && !self.side => match self.chosen_bmc() {
                Some(node) => self.refused_bmc(node),
                None => missing("node"),
            },
            Action::BootOverride | Action::Media => {
                let node = self.chosen_bmc().unwrap_or_default();
                self.refused_bmc(node).or_else(|| self.refused_form(action, node))
            }
            Action::Shell if self.chosen_netns().is_none() => missing("namespace"),
            Action::Shell if !self.settings.local => {
                Some("shells are opened only over the lab's unix socket, on its own host".into())
            }
            Action::OpenLog | Action::Restart if self.chosen_app_id().is_none() => missing("app"),
            Action::Zoom if self.view != View::Consoles => None,
            Action::Copy
            | Action::Zoom
            | Action::Close
            | Action::Broadcast
            | Action::SplitRight
            | Action::SplitDown
                if self.consoles.tabs.is_empty() =>
            {
                Some("no console is open".into())
            }
            Action::Break | Action::TellSize if self.consoles.lines_typed_into().is_empty() => {
                Some("no serial console is selected".into())
            }
            _ => None,
        }
    }

    /// Why this can't be asked of that node's power now.
    pub fn refused_demand(&self, demand: Demand, node: &str) -> Option<String> {
        let Some(state) = self.mirror.node(node) else {
            return Some(format!("there is no node {node}"));
        };
        if demand.needs_bmc()
            && let Some(reason) = self.refused_bmc(node)
        {
            return Some(reason);
        }
        let mood = State::from(state.power_status).mood;
        let refused = demand.refused(mood).map(str::to_owned);
        refused.or_else(|| self.bmcs.survey_of(node)?.refuses(demand))
    }

    /// Why nothing can be asked of that node's BMC.
    pub fn refused_bmc(&self, node: &str) -> Option<String> {
        let Some(bmc) = self.mirror.bmc(node) else {
            return Some(format!("{node} has no BMC: no address was given"));
        };
        match (bmc.state, &bmc.error) {
            (Ready::Ready, _) => None,
            (_, Some(error)) => Some(format!("the BMC of {node} is not served: {error}")),
            (..) => Some(format!("the BMC of {node} is not served yet")),
        }
    }

    /// Why this console can't take the lab down.
    pub fn refused_tear_down(&self) -> Option<&'static str> {
        if self.settings.readonly {
            Some("this console is read-only (--readonly)")
        } else if !self.settings.local {
            Some("it is reached over TCP; its own host can")
        } else if self.mirror.connection != Connection::Connected {
            // Whose process that is by now, nobody knows.
            Some("there is no connection to it")
        } else if !self.mirror.known {
            Some("nothing is known of it yet")
        } else {
            None
        }
    }

    /// Why there is no form for what the BMC has to offer.
    fn refused_form(&self, action: Action, node: &str) -> Option<String> {
        let Some(survey) = self.bmcs.survey_of(node) else {
            // Without an answer yet, the form waits for it.
            let failure = self.bmcs.failure.as_ref();
            return failure.map(|reason| format!("the BMC of {node} did not answer: {reason}"));
        };
        match action {
            Action::Media if survey.media.is_empty() => Some("virtual media: not offered by this BMC".into()),
            Action::BootOverride if survey.boot().is_none() => Some("boot override: not offered by this BMC".into()),
            _ => None,
        }
    }
}
