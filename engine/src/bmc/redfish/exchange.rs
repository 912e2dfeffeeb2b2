//! From a request to its answer: who asks, what for, and what all resources have in common.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
};

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header},
};
use bytes::Bytes;
use serde_json::Value;

use super::{
    Redfish,
    caller::{self, Origin, Privilege},
    changes::{Changes, Purpose},
    message::Message,
    query::Query,
    registry,
    reply::{Outcome, Refusal, Reply},
    route::{self, Read, Route, View},
    schema,
};

/// What changes by itself, and without which resources are compared.
const VOLATILE: &[&str] = &["DateTime", "UptimeSeconds"];

impl Redfish {
    /// Answers a request.
    pub async fn answer(self: &Arc<Self>, request: Request<Bytes>, origin: Origin) -> Response<Body> {
        let outcome = self.outcome(&request, origin).await;
        outcome.unwrap_or_else(Reply::from).into_response()
    }

    async fn outcome(self: &Arc<Self>, request: &Request<Bytes>, origin: Origin) -> Outcome {
        let headers = request.headers();
        check_site(headers, origin)?;
        if headers.get("odata-version").is_some_and(|version| version != "4.0") {
            let message = Message::new(registry::HEADER_INVALID, ["OData-Version"]);
            return Err(Refusal::new(StatusCode::PRECONDITION_FAILED, message));
        }
        let caller = caller::identify(self, headers, origin)?;
        let path = match request.uri().path() {
            "/" => "/",
            path => path.strip_suffix('/').unwrap_or(path),
        };
        let Some((route, ids)) = route::find(path) else {
            caller.check(Privilege::Login)?;
            return Err(Refusal::not_found(path));
        };
        let view = View {
            redfish: self,
            path,
            ids: &ids,
            caller: &caller,
            origin,
        };
        let query = request.uri().query().unwrap_or_default();
        match *request.method() {
            Method::GET | Method::HEAD => self.get(route, &view, query, headers).await,
            _ if query.split('&').any(|part| part.starts_with('$') || part == "only") => Err(Refusal::bad(
                Message::new(registry::QUERY_NOT_SUPPORTED_ON_OPERATION, []),
            )),
            Method::PATCH => patch(route, &view, request).await,
            Method::POST => post(route, &view, request).await,
            Method::DELETE => delete(route, &view, headers),
            _ => Err(no_such_method(route, &view)),
        }
    }

    async fn get(self: &Arc<Self>, route: &Route, view: &View<'_>, query: &str, headers: &HeaderMap) -> Outcome {
        let Some(read) = route.read else {
            return Err(no_such_method(route, view));
        };
        view.caller.check(route.reading)?;
        let query = Query::parse(query)?;
        if route.tells_of_disks || query.follows_links() {
            self.disks().look().await;
        }
        let resource = match read {
            Read::Resource(read) => read(view)?,
            Read::Document(read) => return read(view),
        };
        // The member is then the resource, with all that tells of it.
        let member = query
            .only_member(&resource)
            .and_then(|path| Some((route::find(path)?.0, self.find(path, view)?)));
        let (route, resource, query) = match member {
            Some((route, member)) => (route, member, query.of_member()),
            None => (route, resource, query),
        };
        let etag = etag(&resource);
        let known = headers
            .get(header::IF_NONE_MATCH)
            .is_some_and(|known| known == etag.as_str());
        if known && query.is_plain() {
            let reply = Reply::empty().with(header::ETAG, etag);
            return Ok(Reply {
                status: StatusCode::NOT_MODIFIED,
                ..reply
            });
        }
        let described_by = schema::link_of(&resource);
        let resource = tagged(resource, &etag);
        let resource = if query.is_plain() {
            resource
        } else {
            query.apply(resource, &|path| self.find(path, view))?
        };
        let mut reply = Reply::json(resource)
            .with(header::ETAG, etag)
            .with(header::ALLOW, route.methods());
        if let Some(link) = described_by {
            reply = reply.with(header::LINK, format!("<{link}>; rel=describedby"));
        }
        Ok(reply)
    }

    /// The resource behind a link, if whoever asks may read it.
    fn find(self: &Arc<Self>, path: &str, view: &View<'_>) -> Option<Value> {
        let (route, ids) = route::find(path)?;
        let view = View {
            redfish: self,
            path,
            ids: &ids,
            ..*view
        };
        view.caller.check(route.reading).ok()?;
        match route.read? {
            Read::Resource(read) => read(&view).ok(),
            Read::Document(_) => None,
        }
    }
}

async fn patch(route: &Route, view: &View<'_>, request: &Request<Bytes>) -> Outcome {
    let Some((privilege, change)) = route.change else {
        return Err(no_such_method(route, view));
    };
    let Some(Read::Resource(read)) = route.read else {
        return Err(no_such_method(route, view));
    };
    view.caller.check(privilege)?;
    check_media_type(request.headers())?;
    let before = read(view)?;
    check_etag(request.headers(), &before)?;
    let mut changes = Changes::read(request.body(), Purpose::Properties)?;
    change(view, &mut changes)?;
    let left = changes.leftovers(&before)?;
    if let Some(later) = changes.later() {
        let reply = later.await?;
        if reply.status == StatusCode::ACCEPTED {
            return Ok(reply);
        }
    }
    let mut after = read(view)?;
    let etag = etag(&after);
    if !left.is_empty() {
        after["@Message.ExtendedInfo"] = left.iter().map(Message::json).collect();
    }
    Ok(Reply::json(tagged(after, &etag)).with(header::ETAG, etag))
}

async fn post(route: &Route, view: &View<'_>, request: &Request<Bytes>) -> Outcome {
    let Some((privilege, purpose, act)) = &route.act else {
        return Err(no_such_method(route, view));
    };
    view.caller.check(*privilege)?;
    check_media_type(request.headers())?;
    let mut changes = Changes::read(request.body(), purpose.clone())?;
    let reply = act(view, &mut changes)?;
    match changes.later() {
        Some(later) => later.await,
        None => Ok(reply),
    }
}

fn delete(route: &Route, view: &View<'_>, headers: &HeaderMap) -> Outcome {
    let Some((privilege, delete)) = route.delete else {
        return Err(no_such_method(route, view));
    };
    view.caller.check(privilege)?;
    if let Some(Read::Resource(read)) = route.read {
        check_etag(headers, &read(view)?)?;
    }
    delete(view)
}

fn no_such_method(route: &Route, view: &View<'_>) -> Refusal {
    if let Err(refusal) = view.caller.check(route.reading) {
        return refusal;
    }
    let message = Message::new(registry::OPERATION_NOT_ALLOWED, []);
    Refusal {
        allow: Some(route.methods()),
        ..Refusal::new(StatusCode::METHOD_NOT_ALLOWED, message)
    }
}

/// A resource with its ETag.
fn tagged(mut resource: Value, etag: &str) -> Value {
    if let Some(object) = resource
        .as_object_mut()
        .filter(|object| object.contains_key("@odata.type"))
    {
        object.insert("@odata.etag".into(), etag.into());
    }
    resource
}

/// A word that changes when the resource does.
fn etag(resource: &Value) -> String {
    let mut hasher = DefaultHasher::new();
    if let Value::Object(object) = resource {
        for (name, value) in object {
            if !VOLATILE.contains(&name.as_str()) {
                (name, value.to_string()).hash(&mut hasher);
            }
        }
    }
    format!("W/\"{:016x}\"", hasher.finish())
}

/// Refuses a change of a resource that is not any more what it was when it was read.
fn check_etag(headers: &HeaderMap, resource: &Value) -> Result<(), Refusal> {
    let Some(wanted) = headers.get(header::IF_MATCH) else {
        return Ok(());
    };
    let etag = etag(resource);
    let wanted = wanted.to_str().unwrap_or_default();
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    if wanted
        .split(',')
        .any(|tag| tag.trim() == "*" || opaque(tag) == opaque(&etag))
    {
        return Ok(());
    }
    let message = Message::new(registry::PRECONDITION_FAILED, []);
    Err(Refusal::new(StatusCode::PRECONDITION_FAILED, message))
}

/// Refuses what a page of another site has a browser send, which signs in by itself with what its user typed in before.
fn check_site(headers: &HeaderMap, origin: Origin) -> Result<(), Refusal> {
    // The lab's API has checked its own.
    if origin == Origin::Lab {
        return Ok(());
    }
    let host = headers.get(header::HOST);
    let own = |site: &HeaderValue| {
        let authority = site.as_bytes().strip_prefix(b"https://");
        host.is_some_and(|host| authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host.as_bytes())))
    };
    if headers.get_all(header::ORIGIN).iter().all(own) {
        return Ok(());
    }
    let why = "Requests made by web pages of another origin are refused.";
    let message = Message::new(registry::GENERAL_ERROR, []).saying(why);
    Err(Refusal::new(StatusCode::FORBIDDEN, message))
}

/// What is read is JSON in any case. `curl -d` calls all that it sends a form, as browsers do, which name the page's `Origin` with it.
fn check_media_type(headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(media_type) = headers.get(header::CONTENT_TYPE) else {
        return Ok(());
    };
    let media_type = media_type.to_str().unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    let form = essence.eq_ignore_ascii_case("application/x-www-form-urlencoded");
    if essence.eq_ignore_ascii_case("application/json") || (form && !headers.contains_key(header::ORIGIN)) {
        return Ok(());
    }
    let message = Message::new(registry::HEADER_INVALID, ["Content-Type"]);
    Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message))
}
