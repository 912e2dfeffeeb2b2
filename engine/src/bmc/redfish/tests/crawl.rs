//! Every link leads to a resource, and resources look as they did.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::Value;

use crate::bmc::{
    Cause, Verb,
    redfish::{
        Redfish,
        testing::{get, redfish},
    },
    testing::Scripted,
};

/// Paths of all links in a resource.
fn links(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| links(item, found)),
        Value::Object(object) => {
            for (name, value) in object {
                match value.as_str() {
                    Some(path) if path.starts_with("/redfish/v1") && name != "target" && name != "TargetUri" => {
                        found.push(path.to_owned());
                    }
                    _ => links(value, found),
                }
            }
        }
        _ => {}
    }
}

/// All resources that can be reached from the root, with their paths.
async fn crawl(redfish: &Arc<Redfish>) -> Vec<(String, Value)> {
    let mut ahead = vec!["/redfish/v1".to_owned()];
    let mut seen = BTreeSet::new();
    let mut resources = Vec::new();
    while let Some(path) = ahead.pop() {
        if path.ends_with("/SSE") || !seen.insert(path.clone()) {
            continue;
        }
        let answer = get(redfish, &path).await;
        assert_eq!(answer.status, 200, "{path}");
        let resource = answer.json();
        if let Some(id) = resource.get("@odata.id") {
            assert_eq!(*id, path.as_str());
        }
        if let Some(count) = resource.get("Members@odata.count") {
            assert_eq!(*count, resource["Members"].as_array().unwrap().len(), "{path}");
        }
        links(&resource, &mut ahead);
        resources.push((path, resource));
    }
    resources.sort_by(|(one, _), (other, _)| one.cmp(other));
    resources
}

/// Takes out what differs from run to run.
fn steady(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(steady),
        Value::Object(object) => {
            for (name, value) in object {
                if name.contains("Time") && value.as_str().is_some_and(|text| text.ends_with('Z')) {
                    *value = "(a time)".into();
                } else if name == "@odata.etag" {
                    *value = "(a tag)".into();
                } else if matches!(name.as_str(), "CertificateString" | "Fingerprint" | "SerialNumber")
                    && value.as_str().is_some_and(|text| text.len() > 32)
                {
                    *value = "(of this certificate)".into();
                } else if name.ends_with("Version") && *value == env!("CARGO_PKG_VERSION") {
                    *value = "(this version)".into();
                } else {
                    steady(value);
                }
            }
        }
        _ => {}
    }
}

#[tokio::test]
async fn every_link_leads_to_a_resource() {
    let machine = Scripted::new();
    let redfish = redfish(&machine);
    assert!(crawl(&redfish).await.len() > 60);
    let mut changes = redfish.bmc().watch();
    redfish.bmc().act(Verb::On, Cause::Redfish).await.unwrap();
    while redfish.bmc().log().entries().is_empty() {
        changes.changed().await.unwrap();
    }
    let resources = crawl(&redfish).await;
    assert!(resources.iter().any(|(path, _)| path.ends_with("/SEL/Entries/1")));
    redfish.close().await;
}

#[tokio::test]
async fn resources_of_a_machine_that_is_off() {
    let redfish = redfish(&Scripted::new());
    let mut shown = serde_json::Map::new();
    for (path, mut resource) in crawl(&redfish).await {
        if !path.starts_with("/redfish/v1/JsonSchemas") {
            steady(&mut resource);
            shown.insert(path, resource);
        }
    }
    insta::assert_json_snapshot!(shown);
}
