//! `/nodes`: the virtual machines and their power, as placemat v2 served them.

use std::{sync::Arc, time::Duration};

use axum::{extract::State, http::StatusCode, response::Response};

use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    answer::{ApiError, Options, Problem, Segments, json},
    routes::Shared,
};
use crate::{
    node::{Action, Grace, UnknownAction},
    plan::{BootSource, UnknownBootSource},
    store::NodeState,
};

/// The longest that a guest can be given to shut down, in seconds.
const LONGEST_SHUTDOWN: f64 = 24.0 * 60.0 * 60.0;

/// Returns all nodes in the order of the lab files.
#[utoipa::path(get, operation_id = "listNodes", path = "/nodes", tag = "nodes", responses((status = 200, description = "The nodes", body = Vec<NodeState>)))]
pub async fn list(State(shared): State<Arc<Shared>>) -> Result<Response, ApiError> {
    let body = shared.nodes.get(&shared.store, |state| state.nodes.clone())?;
    Ok(json(body))
}

/// Returns one node.
#[utoipa::path(
    get, operation_id = "getNode",
    path = "/nodes/{name}",
    tag = "nodes",
    params(("name" = String, Path, description = "Name of the node")),
    responses((status = 200, description = "The node", body = NodeState), (status = 404, description = "No such node", body = Problem))
)]
pub async fn show(State(shared): State<Arc<Shared>>, Segments(name): Segments<String>) -> Result<Response, ApiError> {
    let node = shared
        .store
        .read(|state| state.node(&name).cloned())
        .ok_or_else(|| not_found(&name))?;
    Ok(json(serde_json::to_vec(&node)?.into()))
}

/// How an action is to be done.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PowerOptions {
    /// For `shutdown`: how many seconds the guest may take; 60 if not given.
    timeout: Option<f64>,
    /// For `shutdown`: power off then, instead of leaving the node on.
    force: Option<bool>,
    /// For `on`, `start`, `restart` and `cycle`: `network`, `disk` or `cd`, what the node boots from first if it is powered on by
    /// this, and only this time.
    boot: Option<String>,
}

impl PowerOptions {
    fn boot(&self, word: &str) -> Result<Option<BootSource>, ApiError> {
        let refused = |message: String| ApiError::new(StatusCode::BAD_REQUEST, message);
        let Some(source) = &self.boot else {
            return Ok(None);
        };
        if !matches!(word, "on" | "start" | "restart" | "cycle") {
            let message = format!("`boot` means nothing to {word}: it is for on, start, restart and cycle.");
            return Err(refused(message));
        }
        let boot = source
            .parse()
            .map_err(|UnknownBootSource| refused(format!("`boot` must be network, disk or cd, not {source:?}.")))?;
        Ok(Some(boot))
    }

    fn action(&self, word: &str) -> Result<Action, ApiError> {
        let refused = |message: String| ApiError::new(StatusCode::BAD_REQUEST, message);
        let action = word.parse().map_err(|UnknownAction| {
            let words = Action::WORDS.join(", ");
            refused(format!("There is no action {word:?} on nodes: use one of {words}."))
        })?;
        let Action::Shutdown(Grace { mut limit, .. }) = action else {
            if self.timeout.is_some() || self.force.is_some() {
                return Err(refused(format!(
                    "`timeout` and `force` mean nothing to {word}: they are for shutdown."
                )));
            }
            return Ok(action);
        };
        if let Some(seconds) = self.timeout {
            if !(0.0..=LONGEST_SHUTDOWN).contains(&seconds) {
                return Err(refused(format!(
                    "`timeout` must be a number of seconds from 0 to {LONGEST_SHUTDOWN}, not {seconds}."
                )));
            }
            limit = Duration::from_secs_f64(seconds);
        }
        let force = self.force.unwrap_or_default();
        Ok(Action::Shutdown(Grace { limit, force }))
    }
}

/// Acts on a node's power and answers when that is done.
#[utoipa::path(
    post, operation_id = "actOnNode",
    path = "/nodes/{name}/{action}",
    tag = "nodes",
    params(
        ("name" = String, Path, description = "Name of the node"),
        ("action" = String, Path, description = "What to do: `on` or `start`, `off` or `stop` (at once), `shutdown` (by the guest), `reset`, `restart` (reset what is on, power on what is off), `cycle`, `nmi`, `push` (the power button)"),
        PowerOptions,
    ),
    responses(
        (status = 200, description = "Done"),
        (status = 400, description = "No such action, or no such option of it", body = Problem),
        (status = 404, description = "No such node", body = Problem),
        (status = 409, description = "The node's power does not allow it, or it is not there yet", body = Problem),
        (status = 500, description = "It was tried and failed; a guest did not shut down in time", body = Problem),
    )
)]
pub async fn act(
    State(shared): State<Arc<Shared>>,
    Segments((name, action)): Segments<(String, String)>,
    Options(options): Options<PowerOptions>,
) -> Result<Response, ApiError> {
    if shared.store.read(|state| state.node(&name).is_none()) {
        return Err(not_found(&name));
    }
    let boot = options.boot(&action)?;
    let action = options.action(&action)?;
    let control = Arc::clone(&shared.control);
    shared
        .carry_out(async move { control.node_action(&name, action, boot).await })
        .await
}

fn not_found(name: &str) -> ApiError {
    ApiError::not_found(format!("node {name:?}"))
}
