//! What has the keyboard, and what an action would mean.

use placemat2_engine::store::{AppState, NamespaceState};

use super::{Model, log::AppId, rows::Rows};
use crate::action::{Scope, View};

impl Model {
    /// Whether every key goes to a guest.
    pub fn is_typing(&self) -> bool {
        self.view == View::Consoles && self.consoles.typing && self.popups.is_empty() && self.prompt.is_none()
    }

    /// Whether the scrollback of a console has the keyboard.
    pub fn is_copying(&self) -> bool {
        self.view == View::Consoles && self.consoles.pane().is_some_and(|pane| pane.emulator.is_copying())
    }

    /// Where keys count now, the first scope most.
    pub fn scopes(&self) -> Vec<Scope> {
        if self.is_typing() {
            return vec![Scope::Console];
        }
        if self.is_copying() {
            return vec![Scope::Copying];
        }
        let own: &[Scope] = match (self.view, self.side) {
            (View::Topology, _) => &[Scope::Topology],
            (View::Nodes, _) => &[Scope::Nodes, Scope::List],
            (View::Networks, _) => &[Scope::Networks, Scope::List],
            (View::Namespaces, false) => &[Scope::Namespaces, Scope::List],
            (View::Namespaces, true) => &[Scope::Log],
            (View::Consoles, _) => &[Scope::Consoles],
            (View::Bmc, false) => &[Scope::Bmc, Scope::List],
            (View::Bmc, true) => &[Scope::Redfish],
            (View::Events, false) => &[Scope::Events, Scope::List],
            (View::Events, true) => &[Scope::Commands, Scope::List],
        };
        own.iter().copied().chain([Scope::Global]).collect()
    }

    /// The list that has the keyboard.
    pub fn rows_mut(&mut self) -> Option<&mut Rows> {
        match (self.view, self.side) {
            (View::Nodes, _) => Some(&mut self.nodes),
            (View::Networks, _) => Some(&mut self.networks),
            (View::Namespaces, false) => Some(&mut self.namespaces),
            (View::Bmc, false) => Some(&mut self.bmcs.rows),
            (View::Events, false) => Some(&mut self.events),
            (View::Events, true) => Some(&mut self.commands),
            _ => None,
        }
    }

    /// The list that has the keyboard.
    pub fn rows(&self) -> Option<&Rows> {
        match (self.view, self.side) {
            (View::Nodes, _) => Some(&self.nodes),
            (View::Networks, _) => Some(&self.networks),
            (View::Namespaces, false) => Some(&self.namespaces),
            (View::Bmc, false) => Some(&self.bmcs.rows),
            (View::Events, false) => Some(&self.events),
            (View::Events, true) => Some(&self.commands),
            _ => None,
        }
    }

    /// The names of the nodes that an action on the power means.
    pub fn chosen_nodes(&self) -> Vec<String> {
        match self.view {
            View::Nodes => self.nodes.chosen(),
            View::Topology => self.map.selected_nodes(),
            View::Consoles => {
                let node = self.consoles.pane().and_then(|pane| pane.source.node());
                node.map(str::to_owned).into_iter().collect()
            }
            View::Bmc => self.chosen_bmc().map(str::to_owned).into_iter().collect(),
            _ => Vec::new(),
        }
    }

    /// The node whose BMC is looked at.
    pub fn chosen_bmc(&self) -> Option<&str> {
        match (self.view, self.side) {
            (View::Bmc, true) => self.bmcs.explorer.node.as_deref(),
            (View::Bmc, false) => self.bmcs.rows.key(),
            _ => None,
        }
    }

    /// The selected namespace, and the app if one is selected.
    pub fn chosen_app(&self) -> Option<(&NamespaceState, Option<&AppState>)> {
        let row = self.tree.get(self.namespaces.selected()?)?;
        let netns = self.mirror.state.namespaces.get(row.netns)?;
        Some((netns, row.app.and_then(|app| netns.apps.get(app))))
    }

    /// The selected app.
    pub fn chosen_app_id(&self) -> Option<AppId> {
        let (netns, app) = self.chosen_app().filter(|_| self.view == View::Namespaces)?;
        Some(AppId {
            netns: netns.name.clone(),
            app: app?.name.clone(),
        })
    }

    /// The namespace that a shell would be opened in.
    pub fn chosen_netns(&self) -> Option<String> {
        match self.view {
            View::Namespaces => self.chosen_app().map(|(netns, _)| netns.name.clone()),
            View::Topology => self
                .map
                .selected
                .as_deref()?
                .strip_prefix("namespace/")
                .map(str::to_owned),
            _ => None,
        }
    }
}
