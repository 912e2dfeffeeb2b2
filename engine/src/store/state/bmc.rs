//! BMCs.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Ready;
use crate::bmc::{BootOverride, Role, Session};

/// A BMC: of a node whose lab file gives it an address, or whose guest announced one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BmcState {
    /// The node.
    pub node: String,
    /// Its address.
    #[schema(value_type = String)]
    pub address: IpAddr,
    /// Who gave it that.
    pub origin: BmcOrigin,
    /// The network its address is in.
    pub network: Option<String>,
    /// Whether it is served.
    pub state: Ready,
    /// Why it is not.
    pub error: Option<String>,
    /// From what its machine boots next, if not in its usual order.
    pub boot_override: Option<BootOverride>,
    /// Who is signed in.
    pub sessions: Vec<Session>,
    /// Who may sign in.
    pub users: Vec<BmcUserState>,
}

/// Who gave a BMC its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum BmcOrigin {
    /// The lab file.
    Declared,
    /// The guest.
    Announced,
}

/// Somebody who may sign in to a BMC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BmcUserState {
    /// Number of the account.
    pub id: u8,
    /// Its name.
    pub name: String,
    /// What it may do.
    pub role: Option<Role>,
    /// Whether it may sign in.
    pub enabled: bool,
}
