//! The state of a lab as its readers see it. These types are the API's answers, too.

mod bmc;
mod forward;
mod image;
mod lab;
mod namespace;
mod network;
mod node;
mod whole;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use bmc::{BmcOrigin, BmcState, BmcUserState};
pub use forward::ForwardState;
pub use image::{ImagePhase, ImageState};
pub use lab::{LabPhase, LabState, Step};
pub use namespace::{AppPhase, AppState, InterfaceState, NamespaceState};
pub use network::NetworkState;
pub use node::{AddressSource, BootCause, NicState, NodeAddress, NodeState, Smbios};
pub use whole::State;

/// Whether a thing is there yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Ready {
    /// Not begun.
    #[default]
    Waiting,
    /// Being made.
    Starting,
    /// Usable.
    Ready,
    /// It could not be made.
    Failed,
}
