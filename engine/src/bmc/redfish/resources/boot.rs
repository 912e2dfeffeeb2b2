//! From what the machine boots: the override, and what there is to boot from.

use axum::http::{Uri, uri::Scheme};
use serde_json::{Value, json};

use super::{SYSTEM, collection, link, resource, with};
use crate::bmc::{
    Bmc, BootFirmware, BootOverride, BootTarget, Identity, MachineError, Persistence,
    redfish::{
        changes::Changes,
        reply::Refusal,
        route::{Route, View},
    },
};

pub const ROUTES: &[Route] = &[
    Route::resource("/redfish/v1/Systems/System.Embedded.1/BootOptions", options),
    Route::resource("/redfish/v1/Systems/System.Embedded.1/BootOptions/{}", option),
    Route::resource("/redfish/v1/Systems/System.Embedded.1/SecureBoot", secure_boot),
];

/// Targets of the override, as Redfish spells them.
const TARGETS: &[(&str, Option<BootTarget>)] = &[
    ("None", None),
    ("Pxe", Some(BootTarget::Pxe)),
    ("Hdd", Some(BootTarget::Disk)),
    ("Cd", Some(BootTarget::Cd)),
    ("UefiHttp", Some(BootTarget::UefiHttp)),
    ("BiosSetup", Some(BootTarget::Setup)),
    ("Floppy", Some(BootTarget::Floppy)),
    ("Diags", Some(BootTarget::Diagnostic)),
];

/// How long an override holds.
const ENABLED: &[(&str, Option<Persistence>)] = &[
    ("Disabled", None),
    ("Once", Some(Persistence::Once)),
    ("Continuous", Some(Persistence::Continuous)),
];

/// The targets that a machine has.
fn targets(identity: &Identity) -> Vec<(&'static str, Option<BootTarget>)> {
    let there = |target: Option<BootTarget>| target.is_none_or(|target| identity.boots_from(target));
    TARGETS.iter().filter(|(_, target)| there(*target)).copied().collect()
}

fn mode(identity: &Identity) -> (&'static str, BootFirmware) {
    if identity.uefi {
        ("UEFI", BootFirmware::Uefi)
    } else {
        ("Legacy", BootFirmware::Legacy)
    }
}

/// The property `Boot` of the system.
pub fn read(view: &View<'_>) -> Value {
    let bmc = view.redfish.bmc();
    let identity = bmc.identity();
    let boot = bmc.boot();
    let target = boot.map(|boot| boot.target);
    let persistence = boot.map(|boot| boot.persistence);
    let target = TARGETS.iter().find(|(_, known)| *known == target);
    let enabled = ENABLED.iter().find(|(_, known)| *known == persistence);
    let targets: Vec<_> = targets(identity).into_iter().map(|(name, _)| name).collect();
    let mut boot = json!({
        "BootSourceOverrideEnabled": enabled.map_or("Disabled", |(name, _)| name),
        "BootSourceOverrideEnabled@Redfish.AllowableValues": ENABLED.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
        "BootSourceOverrideTarget": target.map_or("None", |(name, _)| name),
        "BootSourceOverrideTarget@Redfish.AllowableValues": targets,
        "BootSourceOverrideMode": mode(identity).0,
        "BootSourceOverrideMode@Redfish.AllowableValues": [mode(identity).0],
        "BootOptions": link(&format!("{SYSTEM}/BootOptions")),
    });
    if identity.boots_from(BootTarget::UefiHttp) {
        boot[URL] = json!(bmc.boot_url());
    }
    boot
}

/// The property that has the URL of `UefiHttp`.
const URL: &str = "HttpBootUri";
/// The longest URL, in bytes: the store that it is written to holds more than URLs.
const LONGEST_URL: usize = 1024;

/// What is wanted of the next boots.
pub struct NewBoot {
    /// The override, or that there is to be none; `None`: as it was.
    wanted: Option<Option<BootOverride>>,
    /// The URL, or that there is to be none; `None`: as it was.
    url: Option<Option<String>>,
}

/// Reads a change of the override. A target without a word on how long holds once, as does turning an override on without
/// a target leave the target that there is.
pub fn change(view: &View<'_>, changes: &mut Changes) -> NewBoot {
    let bmc = view.redfish.bmc();
    let url = if bmc.identity().boots_from(BootTarget::UefiHttp) {
        change_url(changes)
    } else {
        None
    };
    let mut wanted = change_override(view, changes);
    if wanted.is_none() && url.is_some() {
        // It holds on, with another URL.
        let now = bmc.boot();
        wanted = now.filter(|boot| boot.target == BootTarget::UefiHttp).map(Some);
    }
    let goes_by_url = wanted.flatten().is_some_and(|boot| boot.target == BootTarget::UefiHttp);
    if goes_by_url && url.clone().unwrap_or_else(|| bmc.boot_url()).is_none() {
        let why = format!("{URL} does not say from which URL.");
        changes.wrong("/Boot/BootSourceOverrideTarget", why);
    }
    NewBoot { wanted, url }
}

/// Reads a change of the URL. Without certificates, UEFI trusts no server by https.
fn change_url(changes: &mut Changes) -> Option<Option<String>> {
    let pointer = format!("/Boot/{URL}");
    let Some(text) = changes.nullable_text(&pointer)? else {
        return Some(None);
    };
    let parsed: Option<Uri> = text.parse().ok();
    let good = parsed.is_some_and(|uri| uri.scheme() == Some(&Scheme::HTTP) && uri.host().is_some());
    if !good || text.len() > LONGEST_URL {
        let why = format!("it is no URL of scheme http, with a host and at most {LONGEST_URL} characters.");
        changes.wrong(&pointer, why);
    }
    Some(Some(text))
}

fn change_override(view: &View<'_>, changes: &mut Changes) -> Option<Option<BootOverride>> {
    let bmc = view.redfish.bmc();
    let identity = bmc.identity();
    let (mode_name, firmware) = mode(identity);
    let target = changes.choice("/Boot/BootSourceOverrideTarget", &targets(identity));
    let enabled = changes.choice("/Boot/BootSourceOverrideEnabled", ENABLED);
    let mode = changes.choice("/Boot/BootSourceOverrideMode", &[(mode_name, ())]);
    if target.is_none() && enabled.is_none() && mode.is_none() {
        return None;
    }
    let now = bmc.boot();
    let target = target.unwrap_or(now.map(|boot| boot.target));
    let persistence = enabled.unwrap_or(Some(now.map_or(Persistence::Once, |boot| boot.persistence)));
    Some(target.zip(persistence).map(|(target, persistence)| BootOverride {
        target,
        persistence,
        firmware,
    }))
}

/// Has the machine boot as it is wanted.
pub fn apply(bmc: &Bmc, new: NewBoot) -> Result<(), MachineError> {
    if let Some(url) = new.url {
        bmc.set_boot_url(url);
    }
    new.wanted.map_or(Ok(()), |boot| bmc.set_boot(boot))
}

/// What there is to boot from: id, display name, and which target it is of.
fn all_options(identity: &Identity) -> Vec<(String, &'static str)> {
    let nics = identity.nics.iter().enumerate();
    let nics = nics.map(|(at, nic)| (format!("NIC {at} on network {}", nic.network), "Pxe"));
    let disks = identity
        .volumes
        .iter()
        .map(|volume| (format!("Disk {}", volume.name), "Hdd"));
    disks.chain(nics).collect()
}

fn options(view: &View<'_>) -> Result<Value, Refusal> {
    let count = all_options(view.redfish.bmc().identity()).len();
    let members = (0..count).map(|at| format!("{SYSTEM}/BootOptions/Boot{at:04}"));
    Ok(collection("BootOption", view, "Boot options", members))
}

fn option(view: &View<'_>) -> Result<Value, Refusal> {
    let options = all_options(view.redfish.bmc().identity());
    let at = options
        .iter()
        .enumerate()
        .find(|(at, _)| format!("Boot{at:04}") == view.id());
    let (_, (name, alias)) = at.ok_or_else(|| view.not_found())?;
    Ok(with(
        resource("BootOption", view, name),
        json!({
            "BootOptionReference": view.id(),
            "DisplayName": name,
            "Alias": alias,
            "BootOptionEnabled": true,
        }),
    ))
}

fn secure_boot(view: &View<'_>) -> Result<Value, Refusal> {
    if !view.redfish.bmc().identity().uefi {
        return Err(view.not_found());
    }
    // The variable stores that machines get here have no keys, and without keys nothing is checked.
    Ok(with(
        resource("SecureBoot", view, "Secure boot"),
        json!({ "SecureBootEnable": false, "SecureBootCurrentBoot": "Disabled" }),
    ))
}
