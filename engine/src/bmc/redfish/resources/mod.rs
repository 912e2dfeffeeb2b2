//! The resources: a file for each family, with its paths, and plain functions from what the BMC knows to JSON.

#![allow(
    clippy::unnecessary_wraps,
    reason = "what reads a resource that is always there has the form of what reads one that may not be"
)]

mod accounts;
mod bios;
mod boot;
mod certificates;
mod chassis;
mod event_service;
mod json;
mod logs;
mod manager;
mod nics;
mod parts;
mod power;
mod registries;
mod root;
mod session_service;
mod storage;
mod system;
mod task_service;
mod update;
mod virtual_media;
mod x509;

use super::route::Route;
use json::{collection, enabled, link, octets, resource, resource_at, with};
pub use logs::severity;
pub use registries::{LOG_REGISTRY, message_of};
pub use system::whole_seconds;
pub use task_service::accepted;

/// Every path there is.
pub const FAMILIES: &[&[Route]] = &[
    root::ROUTES,
    system::ROUTES,
    power::ROUTES,
    boot::ROUTES,
    bios::ROUTES,
    virtual_media::ROUTES,
    parts::ROUTES,
    nics::ROUTES,
    storage::ROUTES,
    logs::ROUTES,
    chassis::ROUTES,
    manager::ROUTES,
    certificates::ROUTES,
    accounts::ROUTES,
    session_service::ROUTES,
    event_service::ROUTES,
    task_service::ROUTES,
    update::ROUTES,
    registries::ROUTES,
];

/// The one system of a BMC. The name is that of placemat v2, which clients know.
pub const SYSTEM: &str = "/redfish/v1/Systems/System.Embedded.1";
/// The one chassis.
pub const CHASSIS: &str = "/redfish/v1/Chassis/System.Embedded.1";
/// The BMC itself.
pub const MANAGER: &str = "/redfish/v1/Managers/BMC";
