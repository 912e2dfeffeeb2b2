//! What every answer has in common: JSON bodies, errors as JSON, parameters whose mistakes are told as such.

use axum::{
    extract::{FromRequestParts, Path, Query, rejection::QueryRejection},
    http::{HeaderMap, HeaderValue, Request, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeOwned, Error as _},
};
use utoipa::ToSchema;

use super::ControlError;

/// The body of every answer that is not a success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// A sentence for people.
    pub error: String,
}

/// A refusal or failure on its way to the client.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    message: String,
}

impl ApiError {
    /// An error with this status and sentence.
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { status, message }
    }

    /// 404 for a missing object such as `node "boot-0"`.
    pub fn not_found(object: impl Into<String>) -> Self {
        ControlError::NotFound(object.into()).into()
    }

    /// The status.
    #[cfg(test)]
    pub fn status(&self) -> StatusCode {
        self.status
    }
}

impl From<ControlError> for ApiError {
    fn from(error: ControlError) -> Self {
        let status = match error {
            ControlError::NotFound(_) => StatusCode::NOT_FOUND,
            ControlError::NotYet(_) | ControlError::Ending | ControlError::Conflict(_) => StatusCode::CONFLICT,
            ControlError::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, error.to_string())
    }
}

impl From<serde_json::Error> for ApiError {
    fn from(error: serde_json::Error) -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("The answer could not be written as JSON: {error}."),
        )
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let problem = serde_json::json!({ "error": self.message });
        (self.status, json(problem.to_string().into())).into_response()
    }
}

/// A successful answer of rendered JSON.
pub fn json(body: Bytes) -> Response {
    typed("application/json", body)
}

/// A successful answer of this media type.
pub fn typed(media_type: &'static str, body: impl IntoResponse) -> Response {
    let mut response = body.into_response();
    let value = HeaderValue::from_static(media_type);
    response.headers_mut().insert(header::CONTENT_TYPE, value);
    response
}

/// Whether the client's `Accept` names this media type (wildcards do not count: every endpoint has a default).
pub fn accepts(headers: &HeaderMap, media_type: &str) -> bool {
    headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|range| range.split(';').next())
        .any(|range| range.trim().eq_ignore_ascii_case(media_type))
}

/// The variable segments of the path.
pub struct Segments<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Segments<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(value)) => Ok(Self(value)),
            Err(rejection) => Err(ApiError::new(rejection.status(), rejection.body_text())),
        }
    }
}

/// The query parameters.
pub struct Options<T>(pub T);

impl<T: DeserializeOwned> Options<T> {
    /// Those of a request that is taken whole, as one that becomes a stream is.
    pub fn of<B>(request: &Request<B>) -> Result<T, ApiError> {
        let Query(value) = Query::try_from_uri(request.uri()).map_err(|rejection| unreadable(&rejection))?;
        Ok(value)
    }
}

fn unreadable(rejection: &QueryRejection) -> ApiError {
    ApiError::new(rejection.status(), rejection.body_text())
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Options<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Query(value) = Query::from_request_parts(parts, state)
            .await
            .map_err(|rejection| unreadable(&rejection))?;
        Ok(Self(value))
    }
}

/// A switch in a query: there (with or without a word that agrees) or not.
pub fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    match String::deserialize(deserializer)?.as_str() {
        "" | "1" | "true" | "yes" => Ok(true),
        "0" | "false" | "no" => Ok(false),
        other => Err(D::Error::custom(format!("{other:?} is neither true nor false"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_is_read_range_by_range() {
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_static("text/html;q=0.9, Application/JSON; charset=utf-8");
        headers.insert(header::ACCEPT, value);
        assert!(accepts(&headers, "application/json"));
        assert!(accepts(&headers, "text/html"));
        assert!(!accepts(&headers, "application/x-ndjson"));
        headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
        assert!(!accepts(&headers, "application/json"));
    }
}
