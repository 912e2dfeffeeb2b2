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

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{
    route::{Route, View},
    schema,
};

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

/// What every resource begins with. Its id is the last segment of its path.
fn resource(kind: &str, view: &View<'_>, name: &str) -> Value {
    resource_at(kind, view.path, name)
}

/// The same, of another path than was asked for.
fn resource_at(kind: &str, path: &str, name: &str) -> Value {
    let id = path.rsplit('/').next().unwrap_or_default();
    json!({
        "@odata.id": path,
        "@odata.type": schema::type_of(kind),
        "Id": id,
        "Name": name,
    })
}

/// A resource with more properties.
fn with(mut resource: Value, more: Value) -> Value {
    if let (Value::Object(resource), Value::Object(more)) = (&mut resource, more) {
        resource.extend(more);
    }
    resource
}

/// A collection of the resources at those paths.
fn collection(kind: &str, view: &View<'_>, name: &str, members: impl IntoIterator<Item = String>) -> Value {
    let members: Vec<Value> = members.into_iter().map(|path| link(&path)).collect();
    json!({
        "@odata.id": view.path,
        "@odata.type": format!("#{kind}Collection.{kind}Collection"),
        "Name": name,
        "Members@odata.count": members.len(),
        "Members": members,
    })
}

/// A link to a resource.
fn link(path: &str) -> Value {
    json!({ "@odata.id": path })
}

/// The state of what is there and works.
fn enabled() -> Value {
    json!({ "State": "Enabled", "Health": "OK" })
}

/// Octets as MACs and fingerprints are written.
fn octets(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len() * 3);
    for (at, octet) in octets.iter().enumerate() {
        let colon = if at == 0 { "" } else { ":" };
        // Writing to a string can't fail.
        let _ = write!(text, "{colon}{octet:02x}");
    }
    text
}
