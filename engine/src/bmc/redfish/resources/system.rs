//! The machine as a whole.

use serde_json::{Value, json};

use super::{CHASSIS, MANAGER, SYSTEM, boot, link, power, resource, with};
use crate::{
    bmc::{
        Identify, Identity, Power, Verb, WatchdogSettings,
        redfish::{
            caller::Privilege,
            changes::Changes,
            reply::Refusal,
            route::{Route, View},
        },
    },
    node::PowerState,
    plan::RestorePolicy,
};

pub const ROUTES: &[Route] =
    &[Route::resource("/redfish/v1/Systems/System.Embedded.1", read).patch(Privilege::ConfigureComponents, change)];

/// What the watchdog can do, as Redfish spells it.
const TIMEOUT_ACTIONS: &[(&str, Option<Verb>)] = &[
    ("None", None),
    ("ResetSystem", Some(Verb::Reset)),
    ("PowerCycle", Some(Verb::Cycle)),
    ("PowerDown", Some(Verb::Off)),
];
/// What becomes of the power when it comes back, as Redfish spells it.
const RESTORE_POLICIES: &[(&str, RestorePolicy)] = &[
    ("AlwaysOff", RestorePolicy::AlwaysOff),
    ("LastState", RestorePolicy::Previous),
    ("AlwaysOn", RestorePolicy::AlwaysOn),
];
/// How it can warn.
const WARNING_ACTIONS: &[(&str, bool)] = &[("None", false), ("DiagnosticInterrupt", true)];
/// The watchdog's time where none was set yet.
const DEFAULT_TIME: std::time::Duration = std::time::Duration::from_secs(300);

fn read(view: &View<'_>) -> Result<Value, Refusal> {
    let bmc = view.redfish.bmc();
    let identity = bmc.identity();
    let now = bmc.power();
    let mut system = with(
        resource("ComputerSystem", view, &identity.node),
        json!({
            "Description": "A virtual machine of a lab",
            "SystemType": "Virtual",
            "HostName": identity.node,
            "UUID": identity.uuid_text(),
            "PowerState": state_of(&now),
            "PowerRestorePolicy": restore_policy(bmc.restore_policy()),
            "Status": status_of(&now),
            "LocationIndicatorActive": bmc.chassis().identify != Identify::Off,
            "Boot": boot::read(view),
            "HostWatchdogTimer": watchdog(view),
            "SerialConsole": {
                "MaxConcurrentSessions": 1,
                "IPMI": { "ServiceEnabled": true, "Port": 623, "HotKeySequenceDisplay": "~. ends ipmitool's session" },
            },
            "ProcessorSummary": {
                "Count": 1, "LogicalProcessorCount": identity.cpus, "ThreadingEnabled": false,
            },
            "MemorySummary": { "TotalSystemMemoryGiB": gibibytes(identity.memory) },
            "Processors": link(&format!("{SYSTEM}/Processors")),
            "Memory": link(&format!("{SYSTEM}/Memory")),
            "EthernetInterfaces": link(&format!("{SYSTEM}/EthernetInterfaces")),
            "Storage": link(&format!("{SYSTEM}/Storage")),
            "SimpleStorage": link(&format!("{SYSTEM}/SimpleStorage")),
            "LogServices": link(&format!("{SYSTEM}/LogServices")),
            "Bios": link(&format!("{SYSTEM}/Bios")),
            "Links": { "Chassis": [link(CHASSIS)], "ManagedBy": [link(MANAGER)] },
            "Actions": { "#ComputerSystem.Reset": power::system_reset() },
        }),
    );
    type_plate(&mut system, identity);
    if identity.cd {
        system["VirtualMedia"] = link(&format!("{SYSTEM}/VirtualMedia"));
    }
    if identity.uefi {
        system["SecureBoot"] = link(&format!("{SYSTEM}/SecureBoot"));
    }
    if let Some(at) = now.on_since {
        system["LastResetTime"] = json!(whole_seconds(at));
    }
    Ok(system)
}

fn restore_policy(policy: RestorePolicy) -> Option<&'static str> {
    let found = RESTORE_POLICIES.iter().find(|(_, known)| *known == policy);
    found.map(|(name, _)| *name)
}

/// What is written on the machine, as far as something is.
pub fn type_plate(resource: &mut Value, identity: &Identity) {
    for (name, value) in [
        ("Manufacturer", &identity.manufacturer),
        ("Model", &identity.product),
        ("SerialNumber", &identity.serial),
    ] {
        if !value.is_empty() {
            resource[name] = value.as_str().into();
        }
    }
}

/// The power as Redfish spells it.
pub fn state_of(power: &Power) -> &'static str {
    match power.state {
        PowerState::On => "On",
        PowerState::PoweringOn => "PoweringOn",
        PowerState::Off => "Off",
        PowerState::PoweringOff => "PoweringOff",
    }
}

/// The status of what works while the machine is on.
pub fn status_of(power: &Power) -> Value {
    let state = match power.state {
        PowerState::On => "Enabled",
        PowerState::PoweringOn => "Starting",
        PowerState::Off | PowerState::PoweringOff => "StandbyOffline",
    };
    json!({ "State": state, "Health": "OK" })
}

/// A time as Redfish wants it, without fractions.
pub fn whole_seconds(time: jiff::Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[allow(clippy::cast_precision_loss)] // exact up to 8 PiB of memory
fn gibibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 30)
}

fn watchdog(view: &View<'_>) -> Value {
    let state = view.redfish.bmc().watchdog().state();
    let action = state.settings.and_then(|settings| settings.action);
    let warns = state.settings.is_some_and(|settings| settings.warn_by_nmi);
    let found = TIMEOUT_ACTIONS.iter().find(|(_, verb)| *verb == action);
    json!({
        "FunctionEnabled": action.is_some() || warns,
        "TimeoutAction": found.map_or("None", |(name, _)| name),
        "WarningAction": if warns { "DiagnosticInterrupt" } else { "None" },
        "Status": { "State": if state.left.is_some() { "Enabled" } else { "StandbyOffline" } },
    })
}

fn change(view: &View<'_>, changes: &mut Changes) -> Result<(), Refusal> {
    let bmc = view.redfish.bmc();
    let light = changes.flag("/LocationIndicatorActive");
    let boot = boot::change(view, changes);
    let restore = changes.choice("/PowerRestorePolicy", RESTORE_POLICIES);
    let watched = changes.flag("/HostWatchdogTimer/FunctionEnabled");
    let action = changes.choice("/HostWatchdogTimer/TimeoutAction", TIMEOUT_ACTIONS);
    let warning = changes.choice("/HostWatchdogTimer/WarningAction", WARNING_ACTIONS);
    changes.check()?;
    // First what is written to a disk and so can fail: then nothing has changed.
    if let Some(policy) = restore {
        bmc.set_restore_policy(policy).map_err(|error| power::refused(&error))?;
    }
    boot::apply(bmc, boot).map_err(|error| power::refused(&error))?;
    if let Some(light) = light {
        bmc.identify(if light { Identify::On } else { Identify::Off });
    }
    if watched.is_some() || action.is_some() || warning.is_some() {
        let mut settings = bmc.watchdog().state().settings.unwrap_or(WatchdogSettings {
            purpose: 4,
            time: DEFAULT_TIME,
            ..WatchdogSettings::default()
        });
        settings.action = action.unwrap_or(settings.action);
        settings.warn_by_nmi = warning.unwrap_or(settings.warn_by_nmi);
        match watched {
            Some(false) => (settings.action, settings.warn_by_nmi) = (None, false),
            Some(true) if settings.action.is_none() && !settings.warn_by_nmi => settings.action = Some(Verb::Reset),
            _ => {}
        }
        let run_on = settings.action.is_some() || settings.warn_by_nmi;
        bmc.watchdog().set(bmc, settings, 0, run_on);
    }
    Ok(())
}
