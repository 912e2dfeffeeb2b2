//! The views.

/// The views, in the order of their keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum View {
    /// The lab as a graph.
    Topology,
    /// Virtual machines.
    Nodes,
    /// L2 segments.
    Networks,
    /// Network namespaces with their apps.
    Namespaces,
    /// Serial consoles and shells.
    Consoles,
    /// Management controllers of nodes, and their Redfish resources.
    Bmc,
    /// What happened, and what this console asked for.
    Events,
}

impl View {
    /// Every view.
    pub const ALL: [Self; 7] = [
        Self::Topology,
        Self::Nodes,
        Self::Networks,
        Self::Namespaces,
        Self::Consoles,
        Self::Bmc,
        Self::Events,
    ];

    /// What it is called.
    pub fn title(self) -> &'static str {
        match self {
            Self::Topology => "Topology",
            Self::Nodes => "Nodes",
            Self::Networks => "Networks",
            Self::Namespaces => "Namespaces",
            Self::Consoles => "Consoles",
            Self::Bmc => "BMC",
            Self::Events => "Events",
        }
    }

    /// The same where there is little room.
    pub fn short(self) -> &'static str {
        match self {
            Self::Topology => "Topo",
            Self::Networks => "Nets",
            Self::Namespaces => "Netns",
            other => other.title(),
        }
    }

    /// Its number, which is also its key.
    pub fn number(self) -> u8 {
        match self {
            Self::Topology => 1,
            Self::Nodes => 2,
            Self::Networks => 3,
            Self::Namespaces => 4,
            Self::Consoles => 5,
            Self::Bmc => 6,
            Self::Events => 7,
        }
    }
}
