//! Subscriptions to what happens.

use std::collections::BTreeMap;

use axum::http::{HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::{LOG_REGISTRY, SYSTEM, collection, enabled, link, registries::LOG_REGISTRY_PREFIX, resource, with};
use crate::bmc::{
    is_reserved,
    redfish::{
        caller::Privilege,
        changes::Changes,
        events::{Event, RETRIES, RETRY_AFTER, RetryPolicy, Subscription, Wanted},
        message::Message,
        registry,
        reply::{Content, Outcome, Refusal, Reply},
        route::{Route, View},
    },
};

const SUBSCRIPTIONS: &str = "/redfish/v1/EventService/Subscriptions";
const TEST: &str = "EventService.SubmitTestEvent";
/// The longest text that a client can have sent along with events.
const LONGEST_CONTEXT: usize = 256;

pub const ROUTES: &[Route] = &[
    Route::resource("/redfish/v1/EventService", service),
    Route::resource(SUBSCRIPTIONS, all).post(Privilege::ConfigureManager, subscribe),
    Route::resource("/redfish/v1/EventService/Subscriptions/{}", one)
        .patch(Privilege::ConfigureManager, change)
        .delete(Privilege::ConfigureManager, unsubscribe),
    Route::document("/redfish/v1/EventService/SSE", stream),
    Route::action(
        "/redfish/v1/EventService/Actions/EventService.SubmitTestEvent",
        TEST,
        Privilege::ConfigureManager,
        test,
    ),
];

const POLICIES: &[(&str, RetryPolicy)] = &[
    ("TerminateAfterRetries", RetryPolicy::Terminate),
    ("SuspendRetries", RetryPolicy::Suspend),
    ("RetryForever", RetryPolicy::Forever),
];

const SEVERITIES: &[(&str, &str)] = &[("OK", "OK"), ("Warning", "Warning"), ("Critical", "Critical")];

fn service(view: &View<'_>) -> Result<Value, Refusal> {
    Ok(with(
        resource("EventService", view, "Events"),
        json!({
            "ServiceEnabled": true,
            "DeliveryRetryAttempts": RETRIES,
            "DeliveryRetryIntervalSeconds": RETRY_AFTER.as_secs(),
            "EventFormatTypes": ["Event"],
            "RegistryPrefixes": [LOG_REGISTRY_PREFIX],
            "ResourceTypes": ["ComputerSystem"],
            "ServerSentEventUri": "/redfish/v1/EventService/SSE",
            "Status": enabled(),
            "Subscriptions": link(SUBSCRIPTIONS),
            "Actions": {
                "#EventService.SubmitTestEvent": { "target": format!("/redfish/v1/EventService/Actions/{TEST}") },
            },
        }),
    ))
}

fn all(view: &View<'_>) -> Result<Value, Refusal> {
    let subscriptions = view.redfish.events().subscriptions();
    let members = subscriptions
        .iter()
        .map(|subscription| format!("{SUBSCRIPTIONS}/{}", subscription.id));
    Ok(collection("EventDestination", view, "Subscriptions", members))
}

fn wanted(view: &View<'_>) -> Result<Subscription, Refusal> {
    let subscriptions = view.redfish.events().subscriptions();
    let mut subscriptions = subscriptions.into_iter();
    let found = subscriptions.find(|subscription| subscription.id.to_string() == view.id());
    found.ok_or_else(|| view.not_found())
}

fn one(view: &View<'_>) -> Result<Value, Refusal> {
    Ok(shown(view, &wanted(view)?))
}

fn shown(view: &View<'_>, subscription: &Subscription) -> Value {
    let policy = POLICIES.iter().find(|(_, known)| *known == subscription.policy);
    let state = if subscription.suspended { "Disabled" } else { "Enabled" };
    with(
        resource("EventDestination", view, "Subscription"),
        json!({
            "Destination": subscription.destination,
            "Context": subscription.context,
            "Protocol": "Redfish",
            "SubscriptionType": "RedfishEvent",
            "EventFormatType": "Event",
            "RegistryPrefixes": subscription.wanted.registries,
            "ResourceTypes": subscription.wanted.resources,
            "MessageIds": subscription.wanted.messages,
            "HttpHeaders": [],
            "DeliveryRetryPolicy": policy.map_or("TerminateAfterRetries", |(name, _)| name),
            "VerifyCertificate": subscription.verify,
            "Status": { "State": state, "Health": if subscription.suspended { "Warning" } else { "OK" } },
        }),
    )
}

fn subscribe(view: &View<'_>, properties: &mut Changes) -> Outcome {
    let destination = properties.text("/Destination");
    if destination.is_none() {
        properties.missing("/Destination");
    }
    let url = destination.as_deref().map(reqwest::Url::parse);
    match &url {
        Some(Ok(url)) if matches!(url.scheme(), "http" | "https") && url.has_host() => {}
        Some(_) => properties.wrong("/Destination", "It is no URL of http or https."),
        None => {}
    }
    properties.choice("/Protocol", &[("Redfish", ())]);
    properties.choice("/SubscriptionType", &[("RedfishEvent", ())]);
    properties.choice("/EventFormatType", &[("Event", ())]);
    let context = context(properties);
    let policy = properties.choice("/DeliveryRetryPolicy", POLICIES);
    let verify = properties.flag("/VerifyCertificate");
    if let Some(types) = properties.texts("/EventTypes")
        && !types.is_empty()
        && !types.iter().any(|kind| kind == "Alert")
    {
        properties.wrong("/EventTypes", "There are no events but those of type Alert.");
    }
    let wanted = Wanted {
        registries: properties.texts("/RegistryPrefixes").unwrap_or_default(),
        resources: properties.texts("/ResourceTypes").unwrap_or_default(),
        messages: properties.texts("/MessageIds").unwrap_or_default(),
    };
    let headers = headers(properties);
    properties.check_all()?;
    let subscription = Subscription {
        id: 0,
        destination: destination.unwrap_or_default(),
        context: context.unwrap_or_default(),
        policy: policy.unwrap_or_default(),
        verify: verify.unwrap_or_default(),
        wanted,
        suspended: false,
    };
    let made = view.redfish.events().subscribe(view.redfish, subscription, headers);
    let subscription = made.ok_or_else(|| {
        let message = Message::new(registry::EVENT_SUBSCRIPTION_LIMIT_EXCEEDED, []);
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, message)
    })?;
    let path = format!("{SUBSCRIPTIONS}/{}", subscription.id);
    Ok(Reply::created(shown(&View { path: &path, ..*view }, &subscription)))
}

fn context(changes: &mut Changes) -> Option<String> {
    let context = changes.text("/Context")?;
    if context.len() > LONGEST_CONTEXT {
        changes.wrong("/Context", format_args!("It has more than {LONGEST_CONTEXT} bytes."));
    }
    Some(context)
}

/// Headers that a client wants sent along: a list of objects with names and values.
fn headers(properties: &mut Changes) -> Vec<(HeaderName, HeaderValue)> {
    let Some(value) = properties.value("/HttpHeaders") else {
        return Vec::new();
    };
    let Ok(objects) = serde_json::from_value::<Vec<BTreeMap<String, String>>>(value) else {
        properties.wrong("/HttpHeaders", "It is no list of objects with names and values.");
        return Vec::new();
    };
    let mut headers = Vec::new();
    for (name, value) in objects.into_iter().flatten() {
        match (HeaderName::try_from(&name), HeaderValue::try_from(value)) {
            (Ok(name), Ok(_)) if is_reserved(&name) => {
                properties.wrong("/HttpHeaders", format_args!("The BMC itself decides {name:?}."));
            }
            (Ok(name), Ok(value)) => headers.push((name, value)),
            _ => properties.wrong("/HttpHeaders", format_args!("{name:?} is no header.")),
        }
    }
    headers
}

fn change(view: &View<'_>, changes: &mut Changes) -> Result<(), Refusal> {
    let subscription = wanted(view)?;
    let context = context(changes);
    let policy = changes.choice("/DeliveryRetryPolicy", POLICIES);
    changes.check()?;
    view.redfish.events().change(subscription.id, context, policy);
    Ok(())
}

fn unsubscribe(view: &View<'_>) -> Outcome {
    view.redfish.events().unsubscribe(wanted(view)?.id);
    Ok(Reply::empty())
}

fn stream(view: &View<'_>) -> Outcome {
    let mut reply = Reply::empty();
    reply.status = StatusCode::OK;
    let stream = view.redfish.events().stream(view.redfish, view.caller.clone());
    let stream = stream.ok_or_else(|| {
        let message = Message::new(registry::EVENT_SUBSCRIPTION_LIMIT_EXCEEDED, []);
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, message)
    })?;
    reply.content = Content::Stream("text/event-stream", stream);
    Ok(reply)
}

/// Sends an event of a client's making to all who subscribed.
fn test(view: &View<'_>, parameters: &mut Changes) -> Outcome {
    let message = parameters.text("/Message");
    let id = parameters.text("/MessageId");
    let arguments = parameters.texts("/MessageArgs");
    let severity = parameters.choice("/Severity", SEVERITIES);
    let severity = parameters.choice("/MessageSeverity", SEVERITIES).or(severity);
    for known in [
        "/EventType",
        "/EventId",
        "/EventTimestamp",
        "/OriginOfCondition",
        "/EventGroupId",
    ] {
        parameters.value(known);
    }
    parameters.check_all()?;
    let message = message.unwrap_or_else(|| "A test.".into());
    let event = Event {
        message_id: id.unwrap_or_else(|| format!("{LOG_REGISTRY}.RecordAdded")),
        arguments: arguments.unwrap_or_else(|| vec![message.clone()]),
        message,
        severity: severity.unwrap_or("OK"),
        time: view.redfish.bmc().log().now(),
        origin: SYSTEM,
    };
    view.redfish.events().tell(event);
    Ok(Reply::empty())
}
