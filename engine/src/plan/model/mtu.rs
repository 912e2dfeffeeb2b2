//! The MTU of a lab's links, and where it came from.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The MTU of a lab's links and where it came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Mtu {
    /// In bytes; `None` leaves the kernel's default of 1500.
    pub value: Option<u32>,
    /// Where it came from.
    pub source: MtuSource,
}

impl Mtu {
    /// The kernel's default.
    pub const DEFAULT: u32 = 1500;

    /// The MTU links will have in the end.
    pub fn effective(&self) -> u32 {
        self.value.unwrap_or(Self::DEFAULT)
    }
}

impl fmt::Display for Mtu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.effective(), self.source)
    }
}

/// Where an MTU came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum MtuSource {
    /// `--mtu`.
    Option,
    /// `--mtu-probe`: the largest packet that reached this host undivided.
    Probe {
        /// The host that was probed.
        host: String,
    },
    /// The route towards the Internet: its own metric, or the smallest MTU among its links.
    Route {
        /// The address looked up.
        destination: String,
        /// The link with the smallest MTU.
        link: String,
    },
    /// No route: the smallest among the physical links that are up.
    Links {
        /// That link.
        link: String,
    },
    /// Nothing known: the kernel's default.
    Default,
}

impl fmt::Display for MtuSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Option => f.write_str("as --mtu says"),
            Self::Probe { host } => write!(f, "probed to {host}"),
            Self::Route { destination, link } => write!(f, "of {link} on the way to {destination}"),
            Self::Links { link } => write!(f, "of {link}, there is no route to the Internet"),
            Self::Default => f.write_str("the kernel's default"),
        }
    }
}
