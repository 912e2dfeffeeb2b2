//! What all requests have in common: who may, ETags, queries, mistakes.

use axum::http::{Method, StatusCode};
use serde_json::json;

use crate::bmc::{
    Cause, Verb,
    redfish::{
        resources::{CHASSIS, MANAGER, SYSTEM},
        testing::{ADMINISTRATOR, READER, ask, get, patch, post, redfish},
    },
    testing::Scripted,
};

#[tokio::test]
async fn only_the_root_is_open() {
    let redfish = redfish(&Scripted::new());
    for open in [
        "/redfish",
        "/redfish/v1",
        "/redfish/v1/",
        "/redfish/v1/odata",
        "/redfish/v1/$metadata",
    ] {
        let answer = ask(&redfish, Method::GET, open, &[], "").await;
        assert_eq!(answer.status, StatusCode::OK, "{open}");
        assert_eq!(answer.header("odata-version"), "4.0");
    }
    for closed in ["/redfish/v1/Systems", SYSTEM, "/redfish/v1/Nothing", "/"] {
        let answer = ask(&redfish, Method::GET, closed, &[], "").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{closed}");
        assert_eq!(answer.header("www-authenticate"), "Basic realm=\"Redfish\"");
        assert_eq!(answer.messages(), ["NoValidSession"]);
    }
    let wrong = ("authorization", "Basic Y3lib3p1OmN5Ym96cA==");
    for path in ["/redfish/v1", SYSTEM] {
        let answer = ask(&redfish, Method::GET, path, &[wrong], "").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
    }
}

#[tokio::test]
async fn who_may_only_read_changes_nothing() {
    let redfish = redfish(&Scripted::new());
    assert_eq!(ask(&redfish, Method::GET, SYSTEM, &[READER], "").await.status, 200);
    for (method, path) in [
        (Method::PATCH, SYSTEM.to_owned()),
        (Method::POST, format!("{SYSTEM}/Actions/ComputerSystem.Reset")),
        (Method::POST, format!("{CHASSIS}/Actions/Chassis.Reset")),
        (Method::POST, format!("{MANAGER}/Actions/Manager.Reset")),
        (
            Method::POST,
            format!("{SYSTEM}/LogServices/SEL/Actions/LogService.ClearLog"),
        ),
        (Method::POST, "/redfish/v1/AccountService/Accounts".to_owned()),
        (Method::PATCH, "/redfish/v1/AccountService/Accounts/2".to_owned()),
        (Method::DELETE, "/redfish/v1/AccountService/Accounts/2".to_owned()),
        (Method::PATCH, "/redfish/v1/SessionService".to_owned()),
        (Method::POST, "/redfish/v1/EventService/Subscriptions".to_owned()),
    ] {
        let answer = ask(&redfish, method, &path, &[READER], "{}").await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
    }
}

#[tokio::test]
async fn methods_that_a_resource_has_not() {
    let redfish = redfish(&Scripted::new());
    let reset = format!("{SYSTEM}/Actions/ComputerSystem.Reset");
    for (method, path, allow) in [
        (Method::POST, SYSTEM, "GET, HEAD, PATCH"),
        (Method::PUT, SYSTEM, "GET, HEAD, PATCH"),
        (Method::DELETE, "/redfish/v1/Systems", "GET, HEAD"),
        (Method::GET, &reset, "POST"),
        (Method::TRACE, "/redfish/v1", "GET, HEAD"),
    ] {
        let answer = ask(&redfish, method, path, &[ADMINISTRATOR], "{}").await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert_eq!(answer.header("allow"), allow, "{path}");
    }
    let head = ask(&redfish, Method::HEAD, SYSTEM, &[ADMINISTRATOR], "").await;
    assert_eq!(head.status, StatusCode::OK);
}

#[tokio::test]
async fn a_sensor_that_reads_something_else_has_changed() {
    let machine = Scripted::new();
    let redfish = redfish(&machine);
    redfish.bmc().act(Verb::On, Cause::Other).await.unwrap();
    let sensor = format!("{CHASSIS}/Sensors/CPUUsage");
    let etag = get(&redfish, &sensor).await.header("etag").to_owned();
    let headers = [ADMINISTRATOR, ("if-none-match", etag.as_str())];
    assert_eq!(ask(&redfish, Method::GET, &sensor, &headers, "").await.status, 304);
    *machine.busy.lock().unwrap() = 0.75;
    let answer = ask(&redfish, Method::GET, &sensor, &headers, "").await;
    assert_eq!((answer.status.as_u16(), &answer.json()["Reading"]), (200, &json!(75.0)));
}

#[tokio::test]
async fn a_resource_that_changed_is_not_changed_by_who_does_not_know() {
    let redfish = redfish(&Scripted::new());
    let first = get(&redfish, SYSTEM).await;
    let etag = first.header("etag").to_owned();
    assert_eq!(first.json()["@odata.etag"], etag.as_str());
    let headers = [ADMINISTRATOR, ("if-none-match", etag.as_str())];
    let known = ask(&redfish, Method::GET, SYSTEM, &headers, "").await;
    assert_eq!(known.status, StatusCode::NOT_MODIFIED);

    let body = json!({ "LocationIndicatorActive": true }).to_string();
    let headers = [ADMINISTRATOR, ("if-match", etag.as_str())];
    let changed = ask(&redfish, Method::PATCH, SYSTEM, &headers, &body).await;
    assert_eq!(changed.status, StatusCode::OK);
    assert_eq!(changed.json()["LocationIndicatorActive"], true);
    assert_ne!(changed.header("etag"), etag);
    let late = ask(&redfish, Method::PATCH, SYSTEM, &headers, &body).await;
    assert_eq!(late.status, StatusCode::PRECONDITION_FAILED);
    let any = [ADMINISTRATOR, ("if-match", "*")];
    assert_eq!(ask(&redfish, Method::PATCH, SYSTEM, &any, &body).await.status, 200);
}

#[tokio::test]
async fn mistakes_in_a_change_are_named() {
    let redfish = redfish(&Scripted::new());
    let change = async |body| patch(&redfish, SYSTEM, body).await;
    for (body, messages) in [
        (json!({}), vec!["NoOperation"]),
        (json!({ "@odata.id": SYSTEM }), vec!["NoOperation"]),
        (json!({ "Nonsense": 1 }), vec!["PropertyUnknown"]),
        (
            json!({ "UUID": "x", "Boot": { "X": 1 } }),
            vec!["PropertyUnknown", "PropertyNotWritable"],
        ),
        (
            json!({ "LocationIndicatorActive": "yes" }),
            vec!["PropertyValueTypeError"],
        ),
        (
            json!({ "Boot": { "BootSourceOverrideTarget": "Tape" } }),
            vec!["PropertyValueNotInList"],
        ),
        (
            json!({ "Boot": { "BootSourceOverrideMode": "UEFI" } }),
            vec!["PropertyValueNotInList"],
        ),
        (json!([1]), vec!["MalformedJSON"]),
    ] {
        let answer = change(body.clone()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
        let mut found = answer.messages();
        found.sort();
        let mut messages = messages;
        messages.sort_unstable();
        assert_eq!(found, messages, "{body}");
    }
    let mixed = change(json!({ "LocationIndicatorActive": true, "UUID": "x" })).await;
    assert_eq!(mixed.status, StatusCode::OK);
    let mixed = mixed.json();
    assert_eq!(mixed["LocationIndicatorActive"], true);
    let told = &mixed["@Message.ExtendedInfo"][0];
    assert_eq!(told["MessageId"], "Base.1.19.PropertyNotWritable");
    assert_eq!(told["RelatedProperties"], json!(["#/UUID"]));
}

#[tokio::test]
async fn pages_of_other_sites_are_refused() {
    let redfish = redfish(&Scripted::new());
    for (site, status) in [
        ("https://10.0.0.5", 200),
        ("https://evil.example", 403),
        ("http://10.0.0.5", 403),
        ("null", 403),
    ] {
        let headers = [ADMINISTRATOR, ("host", "10.0.0.5"), ("origin", site)];
        let light = json!({ "LocationIndicatorActive": true }).to_string();
        let answer = ask(&redfish, Method::PATCH, SYSTEM, &headers, &light).await;
        assert_eq!(answer.status, status, "{site}");
    }
}

#[tokio::test]
async fn headers_that_are_not_understood() {
    let redfish = redfish(&Scripted::new());
    for (header, status) in [
        (("odata-version", "4.1"), StatusCode::PRECONDITION_FAILED),
        (("content-type", "text/plain"), StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (("x-auth-token", "guess"), StatusCode::UNAUTHORIZED),
    ] {
        let body = json!({ "LocationIndicatorActive": true }).to_string();
        let answer = ask(&redfish, Method::PATCH, SYSTEM, &[ADMINISTRATOR, header], &body).await;
        assert_eq!(answer.status, status, "{header:?}");
    }
}

#[tokio::test]
async fn what_curl_calls_a_form_is_read_as_json() {
    let redfish = redfish(&Scripted::new());
    let form = ("content-type", "application/x-www-form-urlencoded");
    let own = [("host", "10.0.0.5"), ("origin", "https://10.0.0.5")];
    for (headers, status) in [(&[][..], 200), (&own[..], 415)] {
        let headers = [&[ADMINISTRATOR, form], headers].concat();
        let light = json!({ "LocationIndicatorActive": true }).to_string();
        let answer = ask(&redfish, Method::PATCH, SYSTEM, &headers, &light).await;
        assert_eq!(answer.status, status, "{headers:?}");
    }
    let answer = ask(
        &redfish,
        Method::PATCH,
        SYSTEM,
        &[ADMINISTRATOR, form],
        "LocationIndicatorActive=true",
    )
    .await;
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn queries() {
    let redfish = redfish(&Scripted::new());
    let systems = get(&redfish, "/redfish/v1/Systems?$expand=.").await.json();
    assert_eq!(systems["Members"][0]["HostName"], "boot-0");
    let only = get(&redfish, "/redfish/v1/Systems?only").await;
    assert_eq!(only.json()["HostName"], "boot-0");
    let member = get(&redfish, SYSTEM).await;
    assert_eq!(only.json(), member.json());
    for header in ["etag", "link", "allow"] {
        assert_eq!(only.header(header), member.header(header), "{header}");
    }
    let path = format!("{SYSTEM}?$select=PowerState,Boot/BootSourceOverrideTarget");
    let selected = get(&redfish, &path).await.json();
    assert_eq!(selected["Boot"]["BootSourceOverrideTarget"], "None");
    assert!(selected["Boot"].get("BootOptions").is_none());
    assert!(selected.get("HostName").is_none() && selected["PowerState"] == "Off");
    let accounts = "/redfish/v1/AccountService/Accounts";
    let readers = get(&redfish, &format!("{accounts}?$filter=RoleId%20eq%20'ReadOnly'"))
        .await
        .json();
    assert_eq!(readers["Members"], json!([{ "@odata.id": format!("{accounts}/3") }]));
    // What may not be read is not put in the place of its link either.
    let reader = ask(&redfish, Method::GET, &format!("{accounts}?$expand=*"), &[READER], "")
        .await
        .json();
    assert_eq!(reader["Members"][0], json!({ "@odata.id": format!("{accounts}/2") }));
    assert_eq!(reader["Members"][1]["UserName"], "reader");
    for (query, status) in [
        (format!("{SYSTEM}?$top=1"), 400),
        (format!("{SYSTEM}?$apply=x"), 501),
        (format!("{SYSTEM}?x=y"), 200),
    ] {
        assert_eq!(get(&redfish, &query).await.status, status, "{query}");
    }
    let patched = patch(&redfish, &format!("{SYSTEM}?$select=Id"), json!({})).await;
    assert_eq!(patched.messages(), ["QueryNotSupportedOnOperation"]);
    let posted = post(&redfish, "/redfish/v1/Systems", json!({})).await;
    assert_eq!(posted.status, StatusCode::METHOD_NOT_ALLOWED);
}
