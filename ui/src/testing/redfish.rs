//! The BMC of a node of the made-up lab: the same resources for every node, which nothing changes.

use std::{collections::BTreeMap, time::Duration};

use placemat2_engine::api::{RedfishAnswer, RedfishRequest};
use serde_json::{Value, json};

use crate::{
    model::{
        Model,
        bmc::{Exchange, Survey},
    },
    msg::{Effect, Msg},
    update::update,
};

const SYSTEM: &str = "/redfish/v1/Systems/System.Embedded.1";
const CHASSIS: &str = "/redfish/v1/Chassis/System.Embedded.1";
const MANAGER: &str = "/redfish/v1/Managers/BMC";

fn link(path: &str) -> Value {
    json!({ "@odata.id": path })
}

fn collection(path: &str, members: &[Value]) -> Value {
    json!({ "@odata.id": path, "Name": "Collection", "Members@odata.count": members.len(), "Members": members })
}

/// A resource.
fn resource(path: &str) -> Option<Value> {
    let entries = format!("{SYSTEM}/LogServices/SEL/Entries");
    let media = format!("{MANAGER}/VirtualMedia");
    Some(match path.trim_end_matches('/') {
        "/redfish/v1" => json!({
            "@odata.id": "/redfish/v1", "@odata.type": "#ServiceRoot.v1_17_0.ServiceRoot", "Id": "RootService", "Name": "Root Service",
            "RedfishVersion": "1.20.1", "Vendor": "placemat2", "Chassis": link("/redfish/v1/Chassis"),
            "Managers": link("/redfish/v1/Managers"), "Systems": link("/redfish/v1/Systems"),
        }),
        "/redfish/v1/Systems" => collection(path, &[link(SYSTEM)]),
        "/redfish/v1/Chassis" => collection(path, &[link(CHASSIS)]),
        "/redfish/v1/Managers" => collection(path, &[link(MANAGER)]),
        SYSTEM => system(),
        CHASSIS => json!({
            "@odata.id": CHASSIS, "Id": "System.Embedded.1", "Name": "Chassis", "ChassisType": "Other",
            "Sensors": link(&format!("{CHASSIS}/Sensors")),
        }),
        MANAGER => json!({
            "@odata.id": MANAGER, "Id": "BMC", "Name": "BMC", "ManagerType": "BMC",
            "NetworkProtocol": link(&format!("{MANAGER}/NetworkProtocol")), "VirtualMedia": link(&media),
            "Actions": { "#Manager.Reset": {
                "target": format!("{MANAGER}/Actions/Manager.Reset"),
                "@Redfish.ActionInfo": format!("{MANAGER}/ResetActionInfo"),
            } },
        }),
        path if path == media => collection(path, &[link(&format!("{media}/Cd"))]),
        path if path == format!("{media}/Cd") => json!({
            "@odata.id": path, "Id": "Cd", "Name": "Virtual CD", "Image": null, "Inserted": false, "MediaTypes": ["CD", "DVD"],
            "Actions": {
                "#VirtualMedia.EjectMedia": { "target": format!("{path}/Actions/VirtualMedia.EjectMedia") },
                "#VirtualMedia.InsertMedia": { "target": format!("{path}/Actions/VirtualMedia.InsertMedia") },
            },
        }),
        path if path == format!("{MANAGER}/ResetActionInfo") => json!({
            "@odata.id": path, "Id": "ResetActionInfo", "Name": "Reset", "Parameters": [
                { "Name": "ResetType", "Required": false, "DataType": "String", "AllowableValues": ["ForceRestart", "GracefulRestart"] },
            ],
        }),
        path if path == format!("{MANAGER}/NetworkProtocol") => json!({
            "@odata.id": path, "HTTP": { "ProtocolEnabled": false }, "HTTPS": { "ProtocolEnabled": true, "Port": 443 },
            "IPMI": { "ProtocolEnabled": true, "Port": 623 },
        }),
        path if path == format!("{SYSTEM}/LogServices/SEL") => json!({ "@odata.id": path, "Entries": link(&entries) }),
        path if path == entries => collection(
            path,
            &[
                json!({ "@odata.id": format!("{entries}/1"), "Created": "2026-11-26T08:30:02Z", "Severity": "OK", "Message": "The power was switched on." }),
                json!({ "@odata.id": format!("{entries}/2"), "Created": "2026-11-26T09:12:40Z", "Severity": "Warning", "Message": "The watchdog reset the machine." }),
            ],
        ),
        _ => return sensor(path).or_else(|| members(path)),
    })
}

fn system() -> Value {
    json!({
        "@odata.id": SYSTEM, "@odata.type": "#ComputerSystem.v1_22_0.ComputerSystem", "Id": "System.Embedded.1", "Name": "r0-s1",
        "SystemType": "Virtual", "PowerState": "On", "MemorySummary": { "TotalSystemMemoryGiB": 0.1875 },
        "Boot": {
            "BootSourceOverrideEnabled": "Disabled",
            "BootSourceOverrideEnabled@Redfish.AllowableValues": ["Disabled", "Once", "Continuous"],
            "BootSourceOverrideMode": "Legacy",
            "BootSourceOverrideMode@Redfish.AllowableValues": ["Legacy"],
            "BootSourceOverrideTarget": "None",
            "BootSourceOverrideTarget@Redfish.AllowableValues": ["None", "Pxe", "Hdd"],
        },
        "HostWatchdogTimer": { "FunctionEnabled": false, "TimeoutAction": "None", "Status": { "State": "StandbyOffline" } },
        "Actions": { "#ComputerSystem.Reset": {
            "target": format!("{SYSTEM}/Actions/ComputerSystem.Reset"),
            "ResetType@Redfish.AllowableValues":
                ["On", "ForceOff", "ForceOn", "GracefulShutdown", "GracefulRestart", "ForceRestart", "PowerCycle", "PushPowerButton"],
        } },
        "LogServices": link(&format!("{SYSTEM}/LogServices")),
        "Links": { "Chassis": [link(CHASSIS)], "ManagedBy": [link(MANAGER)] },
    })
}

fn members(path: &str) -> Option<Value> {
    let members = match path {
        path if path == format!("{SYSTEM}/LogServices") => vec![link(&format!("{SYSTEM}/LogServices/SEL"))],
        path if path == format!("{CHASSIS}/Sensors") => {
            vec![link(&format!("{path}/CPUUsage")), link(&format!("{path}/MemoryUsage"))]
        }
        _ => return None,
    };
    Some(collection(path, &members))
}

fn sensor(path: &str) -> Option<Value> {
    let (id, reading) = match path.strip_prefix(CHASSIS)?.strip_prefix("/Sensors/")? {
        "CPUUsage" => ("CPUUsage", 12.5),
        "MemoryUsage" => ("MemoryUsage", 61.3),
        _ => return None,
    };
    Some(json!({ "@odata.id": path, "Id": id, "Name": id, "Reading": reading, "ReadingUnits": "%" }))
}

/// What the BMC answers.
pub fn answer(request: &RedfishRequest) -> RedfishAnswer {
    let error = |status: u16, message: &str| {
        let info = json!([{ "MessageId": "Base.1.19.GeneralError", "Message": message }]);
        (
            status,
            json!({ "error": { "code": "Base.1.19.GeneralError", "@Message.ExtendedInfo": info } }),
        )
    };
    let known = resource(&request.path).is_some();
    let (status, body) = match request.method.as_str() {
        "GET" => match resource(&request.path) {
            Some(body) => (200, body),
            None => error(404, &format!("The resource at {} was not found.", request.path)),
        },
        "PATCH" if known => (204, Value::Null),
        "POST" if request.path.contains("/Actions/") => (204, Value::Null),
        _ if known => error(405, "The method is not allowed here."),
        _ => error(404, &format!("The resource at {} was not found.", request.path)),
    };
    let allow = if request.path.trim_end_matches('/') == SYSTEM {
        "GET, HEAD, PATCH"
    } else {
        "GET, HEAD"
    };
    let mut headers = BTreeMap::from([("odata-version".to_owned(), "4.0".to_owned())]);
    if status == 200 {
        headers.insert("allow".into(), allow.into());
        headers.insert("content-type".into(), "application/json;charset=utf-8".into());
        headers.insert("etag".into(), "\"5f1c0a\"".into());
    }
    RedfishAnswer { status, headers, body }
}

fn survey(node: &str) -> Survey {
    let get = |path: &str| resource(path).unwrap_or_default();
    let entries = get(&format!("{SYSTEM}/LogServices/SEL/Entries"));
    Survey {
        node: node.to_owned(),
        system: system(),
        protocols: get(&format!("{MANAGER}/NetworkProtocol")),
        sensors: vec![
            get(&format!("{CHASSIS}/Sensors/CPUUsage")),
            get(&format!("{CHASSIS}/Sensors/MemoryUsage")),
        ],
        log: entries
            .get("Members")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default(),
        media: vec![get(&format!("{MANAGER}/VirtualMedia/Cd"))],
    }
}

/// Answers what the console asks BMCs, and what it asks because of the answers.
pub fn serve(model: &mut Model, effects: &[Effect]) {
    for effect in effects {
        let msg = match effect {
            Effect::Ask(job, node, request) => {
                let exchange = Exchange {
                    node: node.clone(),
                    request: request.clone(),
                    answer: Ok(answer(request)),
                    took: Duration::from_millis(4),
                };
                Msg::Answered(*job, Box::new(exchange))
            }
            Effect::Survey(Some(node)) => Msg::Surveyed(node.clone(), Ok(Box::new(survey(node)))),
            _ => continue,
        };
        let effects = update(model, msg);
        serve(model, &effects);
    }
}
