//! `/images`: the disk images and how far they are.

use std::sync::Arc;

use axum::{extract::State, response::Response};

use super::{
    answer::{ApiError, Problem, Segments, json},
    routes::Shared,
};
use crate::store::ImageState;

/// Returns all images that some node uses, in the order of the lab files.
#[utoipa::path(get, operation_id = "listImages", path = "/images", tag = "images", responses((status = 200, description = "The images", body = Vec<ImageState>)))]
pub async fn list(State(shared): State<Arc<Shared>>) -> Result<Response, ApiError> {
    let body = shared.images.get(&shared.store, |state| state.images.clone())?;
    Ok(json(body))
}

/// Returns one image.
#[utoipa::path(
    get, operation_id = "getImage",
    path = "/images/{name}",
    tag = "images",
    params(("name" = String, Path, description = "Name of the image")),
    responses((status = 200, description = "The image", body = ImageState), (status = 404, description = "No such image", body = Problem))
)]
pub async fn show(State(shared): State<Arc<Shared>>, Segments(name): Segments<String>) -> Result<Response, ApiError> {
    let image = shared
        .store
        .read(|state| state.images.iter().find(|image| image.name == name).cloned())
        .ok_or_else(|| ApiError::not_found(format!("image {name:?}")))?;
    Ok(json(serde_json::to_vec(&image)?.into()))
}
