//! The event log: under the system it is about, and under the manager that keeps it.

use serde_json::{Value, json};

use super::{LOG_REGISTRY, SYSTEM, collection, enabled, link, registries, resource, system, with};
use crate::bmc::{
    Entry, Severity,
    redfish::{
        caller::Privilege,
        changes::Changes,
        reply::{Outcome, Refusal, Reply},
        route::{Route, View},
    },
};

/// The action that clears a log.
const CLEAR: &str = "LogService.ClearLog";

pub const ROUTES: &[Route] = &[
    Route::resource("/redfish/v1/Systems/System.Embedded.1/LogServices", services),
    Route::resource("/redfish/v1/Systems/System.Embedded.1/LogServices/SEL", service),
    Route::resource("/redfish/v1/Systems/System.Embedded.1/LogServices/SEL/Entries", entries),
    Route::resource(
        "/redfish/v1/Systems/System.Embedded.1/LogServices/SEL/Entries/{}",
        entry,
    )
    .delete(Privilege::ConfigureManager, remove),
    Route::action(
        "/redfish/v1/Systems/System.Embedded.1/LogServices/SEL/Actions/LogService.ClearLog",
        CLEAR,
        Privilege::ConfigureManager,
        clear,
    ),
    Route::resource("/redfish/v1/Managers/BMC/LogServices", services),
    Route::resource("/redfish/v1/Managers/BMC/LogServices/SEL", service),
    Route::resource("/redfish/v1/Managers/BMC/LogServices/SEL/Entries", entries),
    Route::resource("/redfish/v1/Managers/BMC/LogServices/SEL/Entries/{}", entry)
        .delete(Privilege::ConfigureManager, remove),
    Route::action(
        "/redfish/v1/Managers/BMC/LogServices/SEL/Actions/LogService.ClearLog",
        CLEAR,
        Privilege::ConfigureManager,
        clear,
    ),
];

fn services(view: &View<'_>) -> Result<Value, Refusal> {
    Ok(collection("LogService", view, "Logs", [format!("{}/SEL", view.path)]))
}

fn service(view: &View<'_>) -> Result<Value, Refusal> {
    let log = view.redfish.bmc().log();
    let info = log.info();
    Ok(with(
        resource("LogService", view, "System event log"),
        json!({
            "ServiceEnabled": true,
            "LogEntryType": "Event",
            "OverWritePolicy": "WrapsWhenFull",
            "MaxNumberOfRecords": info.entries + info.free,
            "DateTime": system::whole_seconds(log.now()),
            "DateTimeLocalOffset": "+00:00",
            "Status": enabled(),
            "Entries": link(&format!("{}/Entries", view.path)),
            "Actions": { "#LogService.ClearLog": { "target": format!("{}/Actions/{CLEAR}", view.path) } },
        }),
    ))
}

/// Redfish wants the entries themselves in the place of links to them.
fn entries(view: &View<'_>) -> Result<Value, Refusal> {
    let entries = view.redfish.bmc().log().entries();
    let shown = entries.iter().map(|entry| {
        let path = format!("{}/{}", view.path, entry.id);
        shown(&View { path: &path, ..*view }, entry)
    });
    let members: Vec<Value> = shown.collect();
    Ok(with(
        collection("LogEntry", view, "Entries of the system event log", []),
        json!({ "Members@odata.count": members.len(), "Members": members }),
    ))
}

/// The entry that the path is about.
fn wanted(view: &View<'_>) -> Result<Entry, Refusal> {
    let id = view.id().parse().ok().filter(|id: &u16| id.to_string() == view.id());
    let found = id.and_then(|id| view.redfish.bmc().log().entry(id));
    Ok(found.ok_or_else(|| view.not_found())?.0)
}

fn entry(view: &View<'_>) -> Result<Value, Refusal> {
    Ok(shown(view, &wanted(view)?))
}

fn shown(view: &View<'_>, entry: &Entry) -> Value {
    let (message, argument) = registries::message_of(&entry.what);
    with(
        resource("LogEntry", view, &format!("Entry {}", entry.id)),
        json!({
            "EntryType": "Event",
            "Created": system::whole_seconds(entry.time),
            "Severity": severity(entry.what.severity()),
            "Message": entry.what.message(),
            "MessageId": format!("{LOG_REGISTRY}.{message}"),
            "MessageArgs": [argument],
            "Links": { "OriginOfCondition": link(SYSTEM) },
        }),
    )
}

/// A severity as Redfish spells it.
pub fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Ok => "OK",
        Severity::Warning => "Warning",
        Severity::Critical => "Critical",
    }
}

fn remove(view: &View<'_>) -> Outcome {
    view.redfish.bmc().log().remove(wanted(view)?.id);
    Ok(Reply::empty())
}

fn clear(view: &View<'_>, parameters: &mut Changes) -> Outcome {
    // An ETag of the entries, which newer clients may send: what is cleared is what is there.
    parameters.text("/LogEntriesETag");
    parameters.check_all()?;
    view.redfish.bmc().log().clear();
    Ok(Reply::empty())
}
