//! All endpoints in one table, and the OpenAPI document that describes them.

use std::{future::Future, sync::Arc};

use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{MethodRouter, get, post, put},
};
use bytes::Bytes;
use tokio::sync::{Mutex, Semaphore};
use tokio_util::sync::CancellationToken;
use utoipa::OpenApi;

use super::{
    Control, ControlError,
    answer::{ApiError, json},
    apps, bmcs, changes, connect, consoles, events, forwards, images, lab, links, netns, networks, nodes,
    rendered::Rendered,
    shells,
    tunnel::Tunnels,
};
use crate::store::Store;

/// How many actions may be under way, those of clients that went away included.
const ACTIONS: usize = 256;

/// What the handlers share.
pub struct Shared {
    pub store: Store,
    pub control: Arc<dyn Control>,
    pub cancel: CancellationToken,
    pub actions: Arc<Semaphore>,
    pub tunnels: Tunnels,
    /// Held while counters of links are read.
    pub links: Mutex<()>,
    pub lab: Rendered,
    pub networks: Rendered,
    pub namespaces: Rendered,
    pub images: Rendered,
    pub nodes: Rendered,
    pub bmcs: Rendered,
    pub topology: Rendered,
    openapi: Bytes,
}

impl Shared {
    pub fn new(store: Store, control: Arc<dyn Control>, cancel: CancellationToken, tunnels: Tunnels) -> Self {
        Self {
            store,
            control,
            cancel,
            actions: Arc::new(Semaphore::new(ACTIONS)),
            tunnels,
            links: Mutex::default(),
            lab: Rendered::default(),
            networks: Rendered::default(),
            namespaces: Rendered::default(),
            images: Rendered::default(),
            nodes: Rendered::default(),
            bmcs: Rendered::default(),
            topology: Rendered::default(),
            openapi: openapi().into(),
        }
    }

    /// Does something to the lab. It is a task of its own: a client that goes away must not leave it half done.
    pub async fn carry_out(
        &self,
        action: impl Future<Output = Result<(), ControlError>> + Send + 'static,
    ) -> Result<Response, ApiError> {
        let permit = Arc::clone(&self.actions).acquire_owned().await.map_err(interrupted)?;
        let task = tokio::spawn(async move {
            let _permit = permit;
            action.await
        });
        task.await.map_err(interrupted)??;
        Ok(StatusCode::OK.into_response())
    }
}

fn interrupted(error: impl std::error::Error) -> ApiError {
    ApiError::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        format!("The action was interrupted: {error}."),
    )
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "placemat2",
        description = "A running lab: its networks, namespaces, apps and nodes."
    ),
    paths(
        lab::show,
        lab::topology,
        events::list,
        changes::follow,
        networks::list,
        networks::show,
        netns::list,
        netns::show,
        apps::show,
        apps::log,
        apps::restart,
        images::list,
        images::show,
        nodes::list,
        nodes::show,
        nodes::act,
        bmcs::list,
        bmcs::show,
        bmcs::redfish,
        consoles::open,
        consoles::log,
        consoles::input,
        consoles::send_break,
        consoles::screenshot,
        shells::open,
        shells::show,
        shells::resize,
        shells::end_input,
        links::list,
        forwards::list,
        forwards::add,
        forwards::delete,
        connect::connect,
        document
    )
)]
struct Document;

type Endpoint = (&'static str, fn() -> MethodRouter<Arc<Shared>>);

/// Every path with its methods; a test holds this table against the OpenAPI document.
pub const ENDPOINTS: &[Endpoint] = &[
    ("/lab", || get(lab::show)),
    ("/topology", || get(lab::topology)),
    ("/events", || get(events::list)),
    ("/changes", || get(changes::follow)),
    ("/networks", || get(networks::list)),
    ("/networks/{name}", || get(networks::show)),
    ("/netns", || get(netns::list)),
    ("/netns/{name}", || get(netns::show)),
    ("/netns/{name}/apps/{app}", || get(apps::show)),
    ("/netns/{name}/apps/{app}/log", || get(apps::log)),
    ("/netns/{name}/apps/{app}/restart", || post(apps::restart)),
    ("/images", || get(images::list)),
    ("/images/{name}", || get(images::show)),
    ("/nodes", || get(nodes::list)),
    ("/nodes/{name}", || get(nodes::show)),
    ("/nodes/{name}/{action}", || post(nodes::act)),
    ("/bmcs", || get(bmcs::list)),
    ("/bmcs/{node}", || get(bmcs::show)),
    ("/bmcs/{node}/redfish", || post(bmcs::redfish)),
    ("/nodes/{name}/console", || get(consoles::open)),
    ("/nodes/{name}/console/log", || get(consoles::log)),
    ("/nodes/{name}/console/input", || post(consoles::input)),
    ("/nodes/{name}/console/break", || post(consoles::send_break)),
    ("/nodes/{name}/screenshot", || get(consoles::screenshot)),
    ("/netns/{name}/shell", || get(shells::open)),
    ("/shells/{id}", || get(shells::show)),
    ("/shells/{id}/size", || put(shells::resize)),
    ("/shells/{id}/end-of-input", || put(shells::end_input)),
    ("/links", || get(links::list)),
    ("/forwards", || get(forwards::list).post(forwards::add)),
    ("/forwards/{port}", || axum::routing::delete(forwards::delete)),
    ("/connect", || get(connect::connect)),
    ("/openapi.json", || get(document)),
];

/// The router over all endpoints.
pub fn router(shared: Arc<Shared>) -> Router {
    let mut router = Router::new();
    for (path, methods) in ENDPOINTS {
        router = router.route(path, methods());
    }
    router
        .method_not_allowed_fallback(async || {
            ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "The path has no such method.")
        })
        .fallback(async || {
            ApiError::new(
                StatusCode::NOT_FOUND,
                "There is no such path: GET /openapi.json lists them.",
            )
        })
        .with_state(shared)
}

/// Returns the OpenAPI document of this API as indented JSON.
pub fn openapi() -> String {
    Document::openapi().to_pretty_json().unwrap_or_default()
}

/// Returns the OpenAPI document of this API.
#[utoipa::path(get, operation_id = "getOpenApi", path = "/openapi.json", tag = "lab", responses((status = 200, description = "This document", body = serde_json::Value)))]
async fn document(State(shared): State<Arc<Shared>>) -> Response {
    json(shared.openapi.clone())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_document_and_the_router_have_the_same_paths() {
        let document: serde_json::Value = serde_json::from_str(&openapi()).unwrap();
        let documented: BTreeSet<_> = document["paths"]
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        let served: BTreeSet<_> = ENDPOINTS.iter().map(|(path, _)| *path).collect();
        assert_eq!(documented, served);
    }

    #[test]
    fn operations_have_names_of_their_own_and_answers_are_described() {
        let document: serde_json::Value = serde_json::from_str(&openapi()).unwrap();
        let mut names = BTreeSet::new();
        for methods in document["paths"].as_object().unwrap().values() {
            for operation in methods.as_object().unwrap().values() {
                assert!(names.insert(operation["operationId"].as_str().unwrap()), "{operation}");
                for answer in operation["responses"].as_object().unwrap().values() {
                    assert_ne!(answer["description"].as_str().unwrap_or_default(), "", "{operation}");
                }
            }
        }
    }
}
