//! What resources are written with.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::super::{route::View, schema};

/// What every resource begins with. Its id is the last segment of its path.
pub fn resource(kind: &str, view: &View<'_>, name: &str) -> Value {
    resource_at(kind, view.path, name)
}

/// The same, of another path than was asked for.
pub fn resource_at(kind: &str, path: &str, name: &str) -> Value {
    let id = path.rsplit('/').next().unwrap_or_default();
    json!({
        "@odata.id": path,
        "@odata.type": schema::type_of(kind),
        "Id": id,
        "Name": name,
    })
}

/// A resource with more properties.
pub fn with(mut resource: Value, more: Value) -> Value {
    if let (Value::Object(resource), Value::Object(more)) = (&mut resource, more) {
        resource.extend(more);
    }
    resource
}

/// A collection of the resources at those paths.
pub fn collection(kind: &str, view: &View<'_>, name: &str, members: impl IntoIterator<Item = String>) -> Value {
    let members: Vec<Value> = members.into_iter().map(|path| link(&path)).collect();
    json!({
        "@odata.id": view.path,
        "@odata.type": format!("#{kind}Collection.{kind}Collection"),
        "Name": name,
        "Members@odata.count": members.len(),
        "Members": members,
    })
}

/// A link to a resource.
pub fn link(path: &str) -> Value {
    json!({ "@odata.id": path })
}

/// The state of what is there and works.
pub fn enabled() -> Value {
    json!({ "State": "Enabled", "Health": "OK" })
}

/// Octets as MACs and fingerprints are written.
pub fn octets(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len() * 3);
    for (at, octet) in octets.iter().enumerate() {
        let colon = if at == 0 { "" } else { ":" };
        // Writing to a string can't fail.
        let _ = write!(text, "{colon}{octet:02x}");
    }
    text
}
