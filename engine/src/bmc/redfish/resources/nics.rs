//! The machine's NICs.

use serde_json::{Value, json};

use super::{CHASSIS, SYSTEM, collection, link, octets, resource, system, with};
use crate::bmc::redfish::{
    reply::Refusal,
    route::{Route, View},
};

pub const ROUTES: &[Route] = &[
    Route::resource("/redfish/v1/Systems/System.Embedded.1/EthernetInterfaces", all),
    Route::resource("/redfish/v1/Systems/System.Embedded.1/EthernetInterfaces/{}", one),
];

fn id(index: usize) -> String {
    format!("NIC.{index}")
}

fn all(view: &View<'_>) -> Result<Value, Refusal> {
    let nics = 0..view.redfish.bmc().identity().nics.len();
    let members = nics.map(|index| format!("{SYSTEM}/EthernetInterfaces/{}", id(index)));
    Ok(collection("EthernetInterface", view, "NICs", members))
}

fn one(view: &View<'_>) -> Result<Value, Refusal> {
    let bmc = view.redfish.bmc();
    let nics = &bmc.identity().nics;
    let index = (0..nics.len()).find(|index| id(*index) == view.id());
    let nic = index
        .and_then(|index| nics.get(index))
        .ok_or_else(|| view.not_found())?;
    let power = bmc.power();
    Ok(with(
        resource("EthernetInterface", view, &format!("NIC on network {}", nic.network)),
        json!({
            "InterfaceEnabled": true,
            "LinkStatus": if power.is_on() { "LinkUp" } else { "LinkDown" },
            "MACAddress": octets(&nic.mac),
            "PermanentMACAddress": octets(&nic.mac),
            "MTUSize": bmc.mtu(),
            "Status": system::status_of(&power),
            "Links": { "Chassis": link(CHASSIS) },
        }),
    ))
}
