//! What a chassis remembers: why its power changed last, and its identify light.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// Who had the power changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// The lab's start, or its API.
    Other,
    /// The guest, which rebooted.
    Guest,
    /// A command over IPMI.
    Ipmi,
    /// A request over Redfish.
    Redfish,
    /// The watchdog.
    Watchdog,
}

/// The identify light.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Identify {
    /// Dark.
    #[default]
    Off,
    /// Lit until then.
    Until(Instant),
    /// Lit until it is put out.
    On,
}

impl Identify {
    /// Lit for that long; nothing at all puts it out.
    pub fn lasting(time: Duration) -> Self {
        if time.is_zero() {
            Self::Off
        } else {
            Self::Until(Instant::now() + time)
        }
    }

    /// What it is by now.
    #[must_use]
    pub fn now(self) -> Self {
        match self {
            Self::Until(end) if end <= Instant::now() => Self::Off,
            other => other,
        }
    }
}

/// What a chassis remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chassis {
    /// The identify light.
    pub identify: Identify,
    /// Who had the machine powered on or reset last.
    pub restart_cause: Cause,
    /// How long the machine was on, without the present run.
    pub on_before: Duration,
}

impl Default for Chassis {
    fn default() -> Self {
        Self {
            identify: Identify::default(),
            restart_cause: Cause::Other,
            on_before: Duration::ZERO,
        }
    }
}
