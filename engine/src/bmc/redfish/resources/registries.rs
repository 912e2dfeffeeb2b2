//! What explains the answers: registries of messages, and schemas. Those of DMTF are linked to where DMTF publishes them.

use serde_json::{Map, Value, json};

use super::{collection, resource, with};
use crate::bmc::{
    Expiry, Occurrence,
    redfish::{
        registry::BASE,
        reply::{Outcome, Refusal, Reply},
        route::{Route, View},
        schema::{self, SCHEMAS},
    },
};

/// The registry of what the log tells, with the version that ids have.
pub const LOG_REGISTRY: &str = "Placemat2.1.0";
/// Its name alone.
pub const LOG_REGISTRY_PREFIX: &str = "Placemat2";

pub const ROUTES: &[Route] = &[
    Route::resource("/redfish/v1/Registries", registries),
    Route::resource("/redfish/v1/Registries/{}", registry_file),
    Route::document(
        "/redfish/v1/Registries/Placemat2.1.0/Placemat2.1.0.0.json",
        log_registry,
    ),
    Route::resource("/redfish/v1/JsonSchemas", schemas),
    Route::resource("/redfish/v1/JsonSchemas/{}", schema_file),
];

/// What the log tells: id, description, severity. The sentence for the case at hand is the one argument.
const LOG_MESSAGES: &[(&str, &str, &str)] = &[
    ("PoweredOn", "The machine was powered on.", "OK"),
    ("PoweredOff", "The machine went off.", "OK"),
    ("Reset", "The machine was reset.", "OK"),
    (
        "Interrupted",
        "The machine was given a non-maskable interrupt.",
        "Warning",
    ),
    ("WatchdogWarning", "The watchdog's time is about to run out.", "Warning"),
    ("WatchdogExpired", "The watchdog's time ran out.", "Critical"),
    ("LogCleared", "The log was cleared.", "OK"),
    ("RecordAdded", "A client added a record to the log.", "OK"),
];

/// The id of the message for what happened, and its argument.
pub fn message_of(what: &Occurrence) -> (&'static str, String) {
    let id = match what {
        Occurrence::PoweredOn(_) => "PoweredOn",
        Occurrence::PoweredOff(_) => "PoweredOff",
        Occurrence::Reset(_) => "Reset",
        Occurrence::Nmi(_) => "Interrupted",
        Occurrence::Watchdog(Expiry::Warning, _) => "WatchdogWarning",
        Occurrence::Watchdog(Expiry::Final, _) => "WatchdogExpired",
        Occurrence::Cleared => "LogCleared",
        Occurrence::Added(_) => "RecordAdded",
    };
    (id, what.message())
}

fn registries(view: &View<'_>) -> Result<Value, Refusal> {
    let members = [BASE, LOG_REGISTRY].map(|name| format!("{}/{name}", view.path));
    Ok(collection("MessageRegistryFile", view, "Registries", members))
}

fn registry_file(view: &View<'_>) -> Result<Value, Refusal> {
    let location = match view.id() {
        BASE => json!({ "PublicationUri": format!("https://redfish.dmtf.org/registries/{BASE}.0.json") }),
        LOG_REGISTRY => json!({ "Uri": format!("{}/{LOG_REGISTRY}.0.json", view.path) }),
        _ => return Err(view.not_found()),
    };
    Ok(with(
        resource("MessageRegistryFile", view, &format!("Registry {}", view.id())),
        json!({
            "Registry": view.id(),
            "Languages": ["en"],
            "Location": [with(json!({ "Language": "en" }), location)],
        }),
    ))
}

fn log_registry(_: &View<'_>) -> Outcome {
    let message = |(id, description, severity): &(&str, &str, &str)| {
        let message = json!({
            "Description": description,
            "Message": "%1",
            "MessageSeverity": severity,
            "NumberOfArgs": 1,
            "ParamTypes": ["string"],
            "Resolution": "None.",
        });
        ((*id).to_owned(), message)
    };
    let messages: Map<String, Value> = LOG_MESSAGES.iter().map(message).collect();
    Ok(Reply::json(json!({
        "@odata.type": schema::type_of("MessageRegistry"),
        "Id": format!("{LOG_REGISTRY}.0"),
        "Name": "What a machine's event log tells",
        "Language": "en",
        "Description": "Messages of the event log of placemat2's virtual BMCs",
        "RegistryPrefix": LOG_REGISTRY_PREFIX,
        "RegistryVersion": "1.0.0",
        "OwningEntity": "placemat2",
        "Messages": messages,
    })))
}

fn schemas(view: &View<'_>) -> Result<Value, Refusal> {
    let members = SCHEMAS
        .iter()
        .map(|(name, version)| format!("{}/{name}.{version}", view.path));
    Ok(collection("JsonSchemaFile", view, "Schemas", members))
}

fn schema_file(view: &View<'_>) -> Result<Value, Refusal> {
    let mut all = SCHEMAS.iter();
    let found = all.find(|(name, version)| {
        view.id()
            .strip_prefix(name)
            .is_some_and(|rest| rest == format!(".{version}"))
    });
    let (name, version) = found.ok_or_else(|| view.not_found())?;
    let schema = format!("{name}.{version}");
    Ok(with(
        resource("JsonSchemaFile", view, &format!("Schema {schema}")),
        json!({
            "Schema": format!("#{schema}.{name}"),
            "Languages": ["en"],
            "Location": [{ "Language": "en", "PublicationUri": schema::published(&schema) }],
        }),
    ))
}
