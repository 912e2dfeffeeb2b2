//! The machine's disks, in the three ways that Redfish has for them.

use serde_json::{Map, Value, json};

use super::{CHASSIS, SYSTEM, collection, enabled, link, resource, with};
use crate::bmc::{
    Volume,
    redfish::{
        reply::Refusal,
        route::{Route, View},
    },
};

pub const ROUTES: &[Route] = &[
    Route::disks("/redfish/v1/Systems/System.Embedded.1/Storage", all),
    Route::disks("/redfish/v1/Systems/System.Embedded.1/Storage/Virtio", one),
    Route::disks("/redfish/v1/Chassis/System.Embedded.1/Drives", drives),
    Route::disks("/redfish/v1/Chassis/System.Embedded.1/Drives/{}", drive),
    Route::disks("/redfish/v1/Systems/System.Embedded.1/Storage/Virtio/Volumes", volumes),
    Route::disks(
        "/redfish/v1/Systems/System.Embedded.1/Storage/Virtio/Volumes/{}",
        volume,
    ),
    Route::disks("/redfish/v1/Systems/System.Embedded.1/SimpleStorage", all_simple),
    Route::disks("/redfish/v1/Systems/System.Embedded.1/SimpleStorage/Virtio", simple),
];

/// Disks go by the place they have in the machine: names of volumes may have characters that paths can't.
fn id(index: usize) -> String {
    format!("Disk.{index}")
}

fn drive_path(index: usize) -> String {
    format!("{CHASSIS}/Drives/{}", id(index))
}

fn volume_path(index: usize) -> String {
    format!("{SYSTEM}/Storage/Virtio/Volumes/{}", id(index))
}

fn disks<'a>(view: &View<'a>) -> &'a [Volume] {
    &view.redfish.bmc().identity().volumes
}

/// The disk that the path is about.
fn disk<'a>(view: &View<'a>) -> Result<(usize, &'a Volume), Refusal> {
    let mut disks = disks(view).iter().enumerate();
    disks
        .find(|(index, _)| id(*index) == view.id())
        .ok_or_else(|| view.not_found())
}

fn all(view: &View<'_>) -> Result<Value, Refusal> {
    Ok(collection(
        "Storage",
        view,
        "Storage",
        [format!("{SYSTEM}/Storage/Virtio")],
    ))
}

fn one(view: &View<'_>) -> Result<Value, Refusal> {
    let drives: Vec<Value> = (0..disks(view).len()).map(|index| link(&drive_path(index))).collect();
    Ok(with(
        resource("Storage", view, "Virtio disks"),
        json!({
            "Drives@odata.count": drives.len(),
            "Drives": drives,
            "Volumes": link(&format!("{SYSTEM}/Storage/Virtio/Volumes")),
            "Status": enabled(),
            "Links": {
                "SimpleStorage": link(&format!("{SYSTEM}/SimpleStorage/Virtio")),
            },
        }),
    ))
}

fn drives(view: &View<'_>) -> Result<Value, Refusal> {
    let members = (0..disks(view).len()).map(drive_path);
    Ok(collection("Drive", view, "Drives", members))
}

fn drive(view: &View<'_>) -> Result<Value, Refusal> {
    let (index, disk) = disk(view)?;
    Ok(with(
        resource("Drive", view, &disk.name),
        json!({
            "CapacityBytes": view.redfish.disks().size(index),
            "Status": enabled(),
            "Links": { "Chassis": link(CHASSIS), "Volumes": [link(&volume_path(index))] },
        }),
    ))
}

fn volumes(view: &View<'_>) -> Result<Value, Refusal> {
    let members = (0..disks(view).len()).map(volume_path);
    Ok(collection("Volume", view, "Volumes", members))
}

fn volume(view: &View<'_>) -> Result<Value, Refusal> {
    let (index, disk) = disk(view)?;
    Ok(with(
        resource("Volume", view, &disk.name),
        json!({
            "DisplayName": disk.name,
            "CapacityBytes": view.redfish.disks().size(index),
            "Status": enabled(),
            "Links": { "Drives": [link(&drive_path(index))] },
        }),
    ))
}

fn all_simple(view: &View<'_>) -> Result<Value, Refusal> {
    let members = [format!("{SYSTEM}/SimpleStorage/Virtio")];
    Ok(collection("SimpleStorage", view, "Simple storage", members))
}

fn simple(view: &View<'_>) -> Result<Value, Refusal> {
    let device = |(index, disk): (usize, &Volume)| {
        let mut device = Map::new();
        device.insert("Name".into(), disk.name.as_str().into());
        if let Some(size) = view.redfish.disks().size(index) {
            device.insert("CapacityBytes".into(), size.into());
        }
        device.insert("Status".into(), enabled());
        Value::Object(device)
    };
    let devices: Vec<Value> = disks(view).iter().enumerate().map(device).collect();
    Ok(with(
        resource("SimpleStorage", view, "Virtio disks"),
        json!({
            "Devices": devices,
            "Status": enabled(),
            "Links": {
                "Chassis": link(CHASSIS),
                "Storage": link(&format!("{SYSTEM}/Storage/Virtio")),
            },
        }),
    ))
}
