//! How the MTU is found.

use super::{MtuError, probe, route};
use crate::plan::{Mtu, MtuSource};

/// How the MTU is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// `--mtu N`: it is given, in bytes.
    Fixed(u32),
    /// `--mtu-probe HOST`: the largest packet that reaches HOST undivided.
    Probe(String),
    /// That of the route towards the Internet.
    Route,
}

impl Choice {
    /// Finds the MTU. `Probe` may take some seconds.
    pub async fn find(&self) -> Result<Mtu, MtuError> {
        match self {
            Self::Fixed(bytes) => Ok(Mtu {
                value: Some(*bytes),
                source: MtuSource::Option,
            }),
            Self::Probe(host) => {
                let bytes = probe::path_mtu(host).await?;
                Ok(Mtu {
                    value: Some(bytes),
                    source: MtuSource::Probe { host: host.clone() },
                })
            }
            Self::Route => route::Routes::connect()?.mtu().await,
        }
    }
}
