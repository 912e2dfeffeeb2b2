//! Answers, good and bad.

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, Response, StatusCode, header},
};
use serde_json::{Value, json};

use super::{
    message::Message,
    registry::{self, BASE},
};

/// An answer to a request.
#[derive(Debug)]
pub struct Reply {
    /// Its status.
    pub status: StatusCode,
    /// Its headers, beyond those that every answer has.
    pub headers: Vec<(HeaderName, String)>,
    /// Its content.
    pub content: Content,
}

/// What an answer carries.
#[derive(Debug)]
pub enum Content {
    /// Nothing.
    None,
    /// JSON.
    Json(Value),
    /// A document that is not JSON, and its media type.
    Text(&'static str, String),
    /// What comes, as it comes.
    Stream(&'static str, Body),
}

/// Why a request was not granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status.
    pub status: StatusCode,
    /// The reasons, at least one.
    pub messages: Vec<Message>,
    /// The methods that there are, if the one asked for is none of them.
    pub allow: Option<String>,
}

/// What a handler returns.
pub type Outcome = Result<Reply, Refusal>;

impl Reply {
    /// A resource.
    pub fn json(value: Value) -> Self {
        Self {
            status: StatusCode::OK,
            headers: Vec::new(),
            content: Content::Json(value),
        }
    }

    /// Done, and nothing to tell.
    pub fn empty() -> Self {
        Self {
            status: StatusCode::NO_CONTENT,
            headers: Vec::new(),
            content: Content::None,
        }
    }

    /// Done, with something to tell about it.
    pub fn message(message: &Message) -> Self {
        Self::json(body_of(std::slice::from_ref(message)))
    }

    /// A new resource.
    pub fn created(resource: Value) -> Self {
        let location = resource["@odata.id"].as_str().unwrap_or_default().to_owned();
        Self {
            status: StatusCode::CREATED,
            ..Self::json(resource)
        }
        .with(header::LOCATION, location)
    }

    /// With one more header.
    pub fn with(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// As HTTP has it.
    pub fn into_response(self) -> Response<Body> {
        let (media_type, body) = match self.content {
            Content::None => (None, Body::empty()),
            Content::Json(value) => (Some("application/json;charset=utf-8"), Body::from(value.to_string())),
            Content::Text(media_type, text) => (Some(media_type), Body::from(text)),
            Content::Stream(media_type, body) => (Some(media_type), body),
        };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        if let Some(media_type) = media_type {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        }
        for (name, value) in self.headers {
            // All values are made here, of characters that a header can hold.
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.append(name, value);
            }
        }
        for (name, value) in [
            ("odata-version", "4.0"),
            ("cache-control", "no-cache"),
            ("server", "placemat2"),
            ("x-content-type-options", "nosniff"),
        ] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        response
    }
}

impl Refusal {
    /// Refused with that status for that reason.
    pub fn new(status: StatusCode, message: Message) -> Self {
        Self {
            status,
            messages: vec![message],
            allow: None,
        }
    }

    /// A request with those mistakes.
    pub fn mistakes(messages: Vec<Message>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            messages,
            allow: None,
        }
    }

    /// A request that can't be understood or granted as it is.
    pub fn bad(message: Message) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// No such resource.
    pub fn not_found(path: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            Message::new(registry::RESOURCE_MISSING_AT_URI, [path]),
        )
    }

    /// Not allowed to whoever asks.
    pub fn forbidden() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            Message::new(registry::INSUFFICIENT_PRIVILEGE, []),
        )
    }
}

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Self {
        let mut reply = Self::json(body_of(&refusal.messages));
        reply.status = refusal.status;
        if refusal.status == StatusCode::UNAUTHORIZED {
            reply = reply.with(header::WWW_AUTHENTICATE, "Basic realm=\"Redfish\"");
        }
        match refusal.allow {
            Some(methods) => reply.with(header::ALLOW, methods),
            None => reply,
        }
    }
}

/// Messages as the body of an answer. Several are told under one that says so.
fn body_of(messages: &[Message]) -> Value {
    let (code, text) = match messages {
        [message] => (message.full_id(), message.text()),
        _ => (
            format!("{BASE}.{}", registry::GENERAL_ERROR.id),
            "There is more than one reason, each in its message.",
        ),
    };
    let messages: Vec<Value> = messages.iter().map(Message::json).collect();
    json!({ "error": { "code": code, "message": text, "@Message.ExtendedInfo": messages } })
}
