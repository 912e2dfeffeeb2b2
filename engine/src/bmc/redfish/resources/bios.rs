//! The firmware's setup: what holds now, and what shall hold from the next boot on.

use serde_json::{Value, json};

use super::{SYSTEM, link, power::refused, resource, with};
use crate::bmc::redfish::{
    caller::Privilege,
    changes::Changes,
    reply::Refusal,
    route::{Route, View},
};

pub const ROUTES: &[Route] = &[
    Route::resource("/redfish/v1/Systems/System.Embedded.1/Bios", read),
    Route::resource("/redfish/v1/Systems/System.Embedded.1/Bios/Settings", settings)
        .patch(Privilege::ConfigureComponents, change),
];

/// The one setting that can be changed, of a machine with a TPM: what is done to it at the next power-on.
const TPM: &str = "Tpm2Operation";
/// Its values, and whether the TPM is to begin anew.
const TPM_OPERATIONS: &[(&str, bool)] = &[("NoAction", false), ("Clear", true)];

fn read(view: &View<'_>) -> Result<Value, Refusal> {
    let identity = view.redfish.bmc().identity();
    let mut attributes = json!({
        "BootMode": if identity.uefi { "Uefi" } else { "Bios" },
        "TpmPresent": identity.tpm,
        "LogicalProcessors": identity.cpus,
        "MemoryMiB": identity.memory >> 20,
    });
    if identity.tpm {
        // Once it is cleared, there is nothing more to do.
        attributes[TPM] = "NoAction".into();
    }
    Ok(with(
        resource("Bios", view, "Setup of the firmware"),
        json!({
            "Attributes": attributes,
            "@Redfish.Settings": {
                "@odata.type": "#Settings.v1_4_0.Settings",
                "SettingsObject": link(&format!("{SYSTEM}/Bios/Settings")),
                "SupportedApplyTimes": ["OnReset"],
            },
        }),
    ))
}

fn settings(view: &View<'_>) -> Result<Value, Refusal> {
    let attributes = if view.redfish.bmc().clears_tpm() {
        json!({ TPM: "Clear" })
    } else {
        json!({})
    };
    Ok(with(
        resource("Bios", view, "Setup from the next boot on"),
        json!({ "Attributes": attributes }),
    ))
}

fn change(view: &View<'_>, changes: &mut Changes) -> Result<(), Refusal> {
    let bmc = view.redfish.bmc();
    if !bmc.identity().tpm {
        return Ok(());
    }
    let clear = changes.choice("/Attributes/Tpm2Operation", TPM_OPERATIONS);
    changes.check()?;
    if let Some(clear) = clear {
        bmc.clear_tpm(clear).map_err(|error| refused(&error))?;
    }
    Ok(())
}
