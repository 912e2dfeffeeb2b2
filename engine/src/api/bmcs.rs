//! `/bmcs`: the management controllers of nodes.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    body::Body,
    extract::State,
    http::{Request, StatusCode, header},
    response::Response,
};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    answer::{ApiError, Problem, Segments, json},
    routes::Shared,
};
use crate::{
    bmc::redfish::{Origin, Redfish},
    store::BmcState,
};

/// The longest answer of a BMC that is passed on, in bytes.
const LONGEST_ANSWER: usize = 16 << 20;

/// Returns all BMCs: those that lab files declare, and those that guests announced.
#[utoipa::path(get, operation_id = "listBmcs", path = "/bmcs", tag = "bmcs", responses((status = 200, description = "The BMCs", body = Vec<BmcState>)))]
pub async fn list(State(shared): State<Arc<Shared>>) -> Result<Response, ApiError> {
    let body = shared.bmcs.get(&shared.store, |state| state.bmcs.clone())?;
    Ok(json(body))
}

/// Returns the BMC of a node.
#[utoipa::path(
    get, operation_id = "getBmc",
    path = "/bmcs/{node}",
    tag = "bmcs",
    params(("node" = String, Path, description = "Name of the node")),
    responses((status = 200, description = "The BMC", body = BmcState), (status = 404, description = "No such node, or it has no BMC", body = Problem))
)]
pub async fn show(State(shared): State<Arc<Shared>>, Segments(node): Segments<String>) -> Result<Response, ApiError> {
    let bmc = shared
        .store
        .read(|state| state.bmc(&node).cloned())
        .ok_or_else(|| ApiError::not_found(format!("BMC of a node {node:?}")))?;
    Ok(json(serde_json::to_vec(&bmc)?.into()))
}

/// A request to the Redfish service of a BMC.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RedfishRequest {
    /// `GET`, `POST`, ...
    pub method: String,
    /// The path, with a query if need be: `/redfish/v1/...`.
    pub path: String,
    /// Further headers, such as `If-Match`.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body, if there is one.
    #[serde(default)]
    pub body: Option<Value>,
}

/// What the Redfish service of a BMC answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RedfishAnswer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: BTreeMap<String, String>,
    /// The body: JSON, or a string where it is something else; null if there is none.
    pub body: Value,
}

/// Asks a node's BMC over Redfish, as an administrator. The answer is 200 whenever the BMC answered, whatever its own status.
#[utoipa::path(
    post, operation_id = "askRedfish",
    path = "/bmcs/{node}/redfish",
    tag = "bmcs",
    params(("node" = String, Path, description = "Name of the node")),
    request_body = RedfishRequest,
    responses(
        (status = 200, description = "What the BMC answered", body = RedfishAnswer),
        (status = 400, description = "It is no request", body = Problem),
        (status = 404, description = "No such node, or its BMC is not served", body = Problem)
    )
)]
pub async fn redfish(
    State(shared): State<Arc<Shared>>,
    Segments(node): Segments<String>,
    body: Bytes,
) -> Result<Response, ApiError> {
    let redfish = shared.control.redfish(&node)?;
    let request = serde_json::from_slice(&body)
        .map_err(|error| bad(format!("The body is no request to a Redfish service: {error}.")))?;
    let answer = ask(&redfish, request).await?;
    Ok(json(serde_json::to_vec(&answer)?.into()))
}

fn bad(message: String) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, message)
}

/// Has a BMC answer a request.
async fn ask(redfish: &Arc<Redfish>, asked: RedfishRequest) -> Result<RedfishAnswer, ApiError> {
    let mut request = Request::builder().method(asked.method.as_str()).uri(&asked.path);
    for (name, value) in &asked.headers {
        request = request.header(name, value);
    }
    let body = asked.body.map_or_else(Bytes::new, |body| body.to_string().into());
    let request = request
        .body(body)
        .map_err(|error| bad(format!("That is no request of HTTP: {error}.")))?;
    let (parts, body) = redfish.answer(request, Origin::Lab).await.into_parts();
    if parts
        .headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind == "text/event-stream")
    {
        return Err(bad(format!("{} has no end, and can't be passed on.", asked.path)));
    }
    let body = text_of(body).await?;
    let value = |value: &header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    Ok(RedfishAnswer {
        status: parts.status.as_u16(),
        headers: parts
            .headers
            .iter()
            .map(|(name, text)| (name.to_string(), value(text)))
            .collect(),
        body: match body {
            text if text.is_empty() => Value::Null,
            text => serde_json::from_str(&text).unwrap_or(Value::String(text)),
        },
    })
}

async fn text_of(body: Body) -> Result<String, ApiError> {
    let read = Limited::new(body, LONGEST_ANSWER).collect().await;
    let bytes = read
        .map_err(|error| bad(format!("The answer can't be passed on: {error}.")))?
        .to_bytes();
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::bmc::{Verb, redfish::testing::redfish, testing::Scripted};

    fn request(method: &str, path: &str, body: Option<Value>) -> RedfishRequest {
        RedfishRequest {
            method: method.into(),
            path: path.into(),
            body,
            ..RedfishRequest::default()
        }
    }

    #[tokio::test]
    async fn who_may_use_the_lab_may_use_its_bmcs() {
        let machine = Scripted::new();
        let redfish = redfish(&machine);
        let system = "/redfish/v1/Systems/System.Embedded.1";
        let answer = ask(&redfish, request("GET", system, None)).await.unwrap();
        assert_eq!((answer.status, &answer.body["PowerState"]), (200, &json!("Off")));
        assert!(answer.headers.contains_key("etag"));
        let reset = format!("{system}/Actions/ComputerSystem.Reset");
        let on = request("POST", &reset, Some(json!({ "ResetType": "On" })));
        let answer = ask(&redfish, on).await.unwrap();
        assert_eq!((answer.status, answer.body), (204, Value::Null));
        assert_eq!(machine.acts(), [Verb::On]);
        let metadata = ask(&redfish, request("GET", "/redfish/v1/$metadata", None))
            .await
            .unwrap();
        assert!(metadata.body.as_str().unwrap().starts_with("<?xml"));
    }

    #[tokio::test]
    async fn what_is_no_request_is_refused() {
        let redfish = redfish(&Scripted::new());
        for (method, path) in [
            ("", "/"),
            ("A B", "/"),
            ("GET", "no path"),
            ("GET", "/redfish/v1/EventService/SSE"),
        ] {
            let error = ask(&redfish, request(method, path, None)).await.unwrap_err();
            assert_eq!(error.status(), 400, "{method} {path}");
        }
    }
}
