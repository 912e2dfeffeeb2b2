//! The chassis, and the sensors that there are: what the machine uses of its host.

use serde_json::{Value, json};

use super::{CHASSIS, MANAGER, SYSTEM, collection, link, power, resource, system, with};
use crate::{
    bmc::{
        Identify, Share,
        redfish::{
            caller::Privilege,
            changes::Changes,
            reply::Refusal,
            route::{Route, View},
        },
    },
    node::PowerState,
};

pub const ROUTES: &[Route] = &[
    Route::resource("/redfish/v1/Chassis/System.Embedded.1", read).patch(Privilege::ConfigureComponents, change),
    Route::resource("/redfish/v1/Chassis/System.Embedded.1/Sensors", sensors),
    Route::resource("/redfish/v1/Chassis/System.Embedded.1/Sensors/{}", sensor),
];

/// A sensor: its id, its name, and what it reads.
type Sensor = (&'static str, &'static str, Share);

const SENSORS: &[Sensor] = &[
    (
        "CPUUsage",
        "Share of the processors' time that was used",
        Share::Processors,
    ),
    (
        "MemoryUsage",
        "Share of the memory that the host has given",
        Share::Memory,
    ),
];

fn read(view: &View<'_>) -> Result<Value, Refusal> {
    let bmc = view.redfish.bmc();
    let now = bmc.power();
    let mut chassis = with(
        resource("Chassis", view, &format!("Chassis of {}", bmc.identity().node)),
        json!({
            "ChassisType": "Other",
            "PowerState": system::state_of(&now),
            "LocationIndicatorActive": bmc.chassis().identify != Identify::Off,
            "Status": system::status_of(&now),
            "Drives": link(&format!("{CHASSIS}/Drives")),
            "Sensors": link(&format!("{CHASSIS}/Sensors")),
            "Links": {
                "ComputerSystems": [link(SYSTEM)],
                "ManagedBy": [link(MANAGER)],
                "ManagersInChassis": [link(MANAGER)],
            },
            "Actions": { "#Chassis.Reset": power::chassis_reset() },
        }),
    );
    system::type_plate(&mut chassis, bmc.identity());
    Ok(chassis)
}

fn change(view: &View<'_>, changes: &mut Changes) -> Result<(), Refusal> {
    let light = changes.flag("/LocationIndicatorActive");
    changes.check()?;
    if let Some(light) = light {
        let light = if light { Identify::On } else { Identify::Off };
        view.redfish.bmc().identify(light);
    }
    Ok(())
}

fn sensors(view: &View<'_>) -> Result<Value, Refusal> {
    let members = SENSORS.iter().map(|(id, ..)| format!("{CHASSIS}/Sensors/{id}"));
    Ok(collection("Sensor", view, "Sensors", members))
}

fn sensor(view: &View<'_>) -> Result<Value, Refusal> {
    let found = SENSORS.iter().find(|(id, ..)| *id == view.id());
    let (_, name, of) = *found.ok_or_else(|| view.not_found())?;
    let bmc = view.redfish.bmc();
    let percent = bmc.usage(of).map(|share| (share * 1000.0).round() / 10.0);
    let status = match percent {
        // What can't be measured is not told.
        None if bmc.power().state == PowerState::On => json!({ "State": "UnavailableOffline" }),
        _ => system::status_of(&bmc.power()),
    };
    Ok(with(
        resource("Sensor", view, name),
        json!({
            "ReadingType": "Percent",
            "ReadingUnits": "%",
            "Reading": percent,
            "ReadingRangeMin": 0,
            "ReadingRangeMax": 100,
            "Status": status,
        }),
    ))
}
