//! The root of the service, and what tells machines how to read it.

use serde_json::{Value, json};

use super::{CHASSIS, MANAGER, SYSTEM, collection, link, resource, with};
use crate::bmc::redfish::{
    query::MAX_LEVELS,
    reply::{Content, Outcome, Refusal, Reply},
    route::{Route, View},
    schema,
};

/// The version of DSP0266 that is spoken.
const VERSION: &str = "1.20.1";

pub const ROUTES: &[Route] = &[
    Route::document("/redfish", versions).open(),
    Route::resource("/redfish/v1", root).open(),
    Route::document("/redfish/v1/odata", odata).open(),
    Route::document("/redfish/v1/$metadata", metadata).open(),
    Route::resource("/redfish/v1/Systems", systems),
    Route::resource("/redfish/v1/Chassis", all_chassis),
    Route::resource("/redfish/v1/Managers", managers),
];

/// The services that the root leads to, by the property's name.
const SERVICES: &[&str] = &[
    "Systems",
    "Chassis",
    "Managers",
    "SessionService",
    "AccountService",
    "CertificateService",
    "EventService",
    "UpdateService",
    "Registries",
    "JsonSchemas",
];

fn versions(_: &View<'_>) -> Outcome {
    Ok(Reply::json(json!({ "v1": "/redfish/v1/" })))
}

fn root(view: &View<'_>) -> Result<Value, Refusal> {
    let mut root = with(
        resource("ServiceRoot", view, "Root Service"),
        json!({
            "Id": "RootService",
            "RedfishVersion": VERSION,
            "UUID": view.redfish.bmc().identity().uuid_text(),
            "Vendor": "placemat2",
            "Product": "placemat2 virtual BMC",
            "Tasks": link("/redfish/v1/TaskService"),
            "Links": {
                "Sessions": link("/redfish/v1/SessionService/Sessions"),
                "ManagerProvidingService": link(MANAGER),
            },
            "ProtocolFeaturesSupported": {
                "ExpandQuery": {
                    "ExpandAll": true, "Levels": true, "Links": true, "NoLinks": true, "MaxLevels": MAX_LEVELS,
                },
                "FilterQuery": true,
                "SelectQuery": true,
                "OnlyMemberQuery": true,
                "TopSkipQuery": true,
                "ExcerptQuery": false,
                "DeepOperations": { "DeepPATCH": false, "DeepPOST": false },
            },
        }),
    );
    for service in SERVICES {
        root[service] = link(&format!("/redfish/v1/{service}"));
    }
    Ok(root)
}

fn odata(_: &View<'_>) -> Outcome {
    let mut services = vec![json!({ "name": "Service", "kind": "Singleton", "url": "/redfish/v1/" })];
    services.extend(
        SERVICES
            .iter()
            .map(|service| json!({ "name": service, "kind": "Singleton", "url": format!("/redfish/v1/{service}") })),
    );
    Ok(Reply::json(json!({
        "@odata.context": "/redfish/v1/$metadata",
        "value": services,
    })))
}

fn metadata(_: &View<'_>) -> Outcome {
    let mut reply = Reply::empty();
    reply.status = axum::http::StatusCode::OK;
    reply.content = Content::Text("application/xml;charset=utf-8", schema::metadata());
    Ok(reply)
}

fn systems(view: &View<'_>) -> Result<Value, Refusal> {
    Ok(collection("ComputerSystem", view, "Systems", [SYSTEM.to_owned()]))
}

fn all_chassis(view: &View<'_>) -> Result<Value, Refusal> {
    Ok(collection("Chassis", view, "Chassis", [CHASSIS.to_owned()]))
}

fn managers(view: &View<'_>) -> Result<Value, Refusal> {
    Ok(collection("Manager", view, "Managers", [MANAGER.to_owned()]))
}
