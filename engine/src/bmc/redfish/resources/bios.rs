//! The firmware's setup: what holds now, and what shall hold from the next boot on.

use serde_json::{Value, json};

use super::{SYSTEM, link, power, resource, with};
use crate::bmc::{
    RestorePolicy,
    redfish::{
        caller::Privilege,
        changes::Changes,
        reply::{Outcome, Refusal, Reply},
        route::{Route, View},
    },
};

pub const ROUTES: &[Route] = &[
    Route::resource("/redfish/v1/Systems/System.Embedded.1/Bios", read),
    Route::resource("/redfish/v1/Systems/System.Embedded.1/Bios/Settings", settings)
        .patch(Privilege::ConfigureComponents, change),
    Route::action(
        "/redfish/v1/Systems/System.Embedded.1/Bios/Actions/Bios.ResetBios",
        "Bios.ResetBios",
        Privilege::ConfigureComponents,
        reset,
    ),
];

/// The one setting that can be changed: what to do when the mains return.
const RECOVERY: &str = "AcPowerRecovery";

fn attributes(view: &View<'_>) -> Value {
    let bmc = view.redfish.bmc();
    let identity = bmc.identity();
    json!({
        RECOVERY: power::policy_name(bmc.chassis().restore_policy),
        "BootMode": if identity.uefi { "Uefi" } else { "Bios" },
        "TpmPresent": identity.tpm,
        "LogicalProcessors": identity.cpus,
        "MemoryMiB": identity.memory >> 20,
    })
}

fn read(view: &View<'_>) -> Result<Value, Refusal> {
    Ok(with(
        resource("Bios", view, "Setup of the firmware"),
        json!({
            "Attributes": attributes(view),
            "@Redfish.Settings": {
                "@odata.type": "#Settings.v1_4_0.Settings",
                "SettingsObject": link(&format!("{SYSTEM}/Bios/Settings")),
                "SupportedApplyTimes": ["OnReset"],
            },
            "Actions": { "#Bios.ResetBios": { "target": format!("{SYSTEM}/Bios/Actions/Bios.ResetBios") } },
        }),
    ))
}

fn settings(view: &View<'_>) -> Result<Value, Refusal> {
    let pending = *view.redfish.pending();
    let attributes = match pending {
        Some(policy) => json!({ RECOVERY: power::policy_name(policy) }),
        None => json!({}),
    };
    Ok(with(
        resource("Bios", view, "Setup from the next boot on"),
        json!({ "Attributes": attributes }),
    ))
}

fn change(view: &View<'_>, changes: &mut Changes) -> Result<(), Refusal> {
    let policy = changes.choice("/Attributes/AcPowerRecovery", power::POLICIES);
    changes.check()?;
    if policy.is_some() {
        *view.redfish.pending() = policy;
    }
    Ok(())
}

fn reset(view: &View<'_>, parameters: &mut Changes) -> Outcome {
    parameters.check_all()?;
    *view.redfish.pending() = Some(RestorePolicy::default());
    Ok(Reply::empty())
}
