//! Which software runs here. It is updated with placemat2 itself, not through the BMC.

use serde_json::{Value, json};

use super::{MANAGER, collection, enabled, link, resource, with};
use crate::bmc::redfish::{
    reply::Refusal,
    route::{Route, View},
};

const INVENTORY: &str = "/redfish/v1/UpdateService/FirmwareInventory";

pub const ROUTES: &[Route] = &[
    Route::resource("/redfish/v1/UpdateService", service),
    Route::resource("/redfish/v1/UpdateService/FirmwareInventory", all),
    Route::resource("/redfish/v1/UpdateService/FirmwareInventory/BMC", one),
];

fn service(view: &View<'_>) -> Result<Value, Refusal> {
    Ok(with(
        resource("UpdateService", view, "Software"),
        json!({
            "ServiceEnabled": false,
            "Status": { "State": "Disabled" },
            "FirmwareInventory": link(INVENTORY),
        }),
    ))
}

fn all(view: &View<'_>) -> Result<Value, Refusal> {
    let members = [format!("{INVENTORY}/BMC")];
    Ok(collection("SoftwareInventory", view, "Software", members))
}

fn one(view: &View<'_>) -> Result<Value, Refusal> {
    Ok(with(
        resource("SoftwareInventory", view, "placemat2"),
        json!({
            "Version": env!("CARGO_PKG_VERSION"),
            "Updateable": false,
            "RelatedItem": [link(MANAGER)],
            "RelatedItem@odata.count": 1,
            "Status": enabled(),
        }),
    ))
}
