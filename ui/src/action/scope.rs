//! Where keys count.

use super::View;

/// Where a key counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Everywhere but where every key goes to a guest.
    Global,
    /// Every list.
    List,
    /// The list of nodes.
    Nodes,
    /// The list of networks.
    Networks,
    /// The tree of namespaces and apps.
    Namespaces,
    /// The output of an app.
    Log,
    /// The list of events.
    Events,
    /// The commands of this console.
    Commands,
    /// The graph.
    Topology,
    /// The consoles, while no guest has the keyboard.
    Consoles,
    /// The list of BMCs.
    Bmc,
    /// The Redfish resources of a BMC.
    Redfish,
    /// A console that has the keyboard.
    Console,
    /// Scrollback of a console.
    Copying,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 14] = [
        Self::Global,
        Self::List,
        Self::Nodes,
        Self::Networks,
        Self::Namespaces,
        Self::Log,
        Self::Events,
        Self::Commands,
        Self::Topology,
        Self::Consoles,
        Self::Bmc,
        Self::Redfish,
        Self::Console,
        Self::Copying,
    ];

    /// Its name in the config.
    pub fn word(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::List => "list",
            Self::Nodes => "nodes",
            Self::Networks => "networks",
            Self::Namespaces => "namespaces",
            Self::Log => "log",
            Self::Events => "events",
            Self::Commands => "commands",
            Self::Topology => "topology",
            Self::Consoles => "consoles",
            Self::Bmc => "bmc",
            Self::Redfish => "redfish",
            Self::Console => "console",
            Self::Copying => "copy",
        }
    }

    /// The view it belongs to, and whether to its second part; `None`: to several.
    pub fn place(self) -> Option<(View, bool)> {
        match self {
            Self::Global | Self::List | Self::Console | Self::Copying => None,
            Self::Nodes => Some((View::Nodes, false)),
            Self::Networks => Some((View::Networks, false)),
            Self::Namespaces => Some((View::Namespaces, false)),
            Self::Log => Some((View::Namespaces, true)),
            Self::Events => Some((View::Events, false)),
            Self::Commands => Some((View::Events, true)),
            Self::Topology => Some((View::Topology, false)),
            Self::Consoles => Some((View::Consoles, false)),
            Self::Bmc => Some((View::Bmc, false)),
            Self::Redfish => Some((View::Bmc, true)),
        }
    }

    /// Its heading in the help.
    pub fn title(self) -> &'static str {
        match self {
            Self::Global => "Everywhere",
            Self::List => "Lists",
            Self::Nodes => "Nodes",
            Self::Networks => "Networks",
            Self::Namespaces => "Namespaces",
            Self::Log => "Log",
            Self::Events => "Events",
            Self::Commands => "Commands",
            Self::Topology => "Topology",
            Self::Consoles => "Consoles",
            Self::Bmc => "BMCs",
            Self::Redfish => "Redfish",
            Self::Console => "A console that has the keyboard",
            Self::Copying => "Scroll and copy",
        }
    }
}
