//! What is inside the machine besides NICs and disks: processors and memory.

use serde_json::{Value, json};

use super::{CHASSIS, SYSTEM, collection, enabled, link, resource, with};
use crate::bmc::redfish::{
    reply::Refusal,
    route::{Route, View},
};

pub const ROUTES: &[Route] = &[
    Route::resource("/redfish/v1/Systems/System.Embedded.1/Processors", processors),
    Route::resource("/redfish/v1/Systems/System.Embedded.1/Processors/CPU", processor),
    Route::resource("/redfish/v1/Systems/System.Embedded.1/Memory", all_memory),
    Route::resource("/redfish/v1/Systems/System.Embedded.1/Memory/RAM", memory),
];

fn processors(view: &View<'_>) -> Result<Value, Refusal> {
    Ok(collection(
        "Processor",
        view,
        "Processors",
        [format!("{SYSTEM}/Processors/CPU")],
    ))
}

fn processor(view: &View<'_>) -> Result<Value, Refusal> {
    let identity = view.redfish.bmc().identity();
    Ok(with(
        resource("Processor", view, "All virtual processors of the machine"),
        json!({
            "ProcessorType": "CPU",
            "ProcessorArchitecture": "x86",
            "InstructionSet": "x86-64",
            "TotalThreads": identity.cpus,
            "Status": enabled(),
            "Links": { "Chassis": link(CHASSIS) },
        }),
    ))
}

fn all_memory(view: &View<'_>) -> Result<Value, Refusal> {
    Ok(collection("Memory", view, "Memory", [format!("{SYSTEM}/Memory/RAM")]))
}

fn memory(view: &View<'_>) -> Result<Value, Refusal> {
    let identity = view.redfish.bmc().identity();
    Ok(with(
        resource("Memory", view, "All memory of the machine"),
        json!({
            "MemoryType": "DRAM",
            "CapacityMiB": identity.memory >> 20,
            "Status": enabled(),
            "Links": { "Chassis": link(CHASSIS) },
        }),
    ))
}
