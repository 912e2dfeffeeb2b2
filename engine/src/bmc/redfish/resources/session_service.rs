//! Signing in and out.

use axum::http::{HeaderName, StatusCode};
use serde_json::{Value, json};

use super::{collection, enabled, link, resource, system, with};
use crate::bmc::redfish::{
    caller::Privilege,
    changes::Changes,
    logins::{Shown, TIMEOUTS},
    message::Message,
    registry,
    reply::{Outcome, Refusal, Reply},
    route::{Route, View},
};

const SESSIONS: &str = "/redfish/v1/SessionService/Sessions";

pub const ROUTES: &[Route] = &[
    Route::resource("/redfish/v1/SessionService", service).patch(Privilege::ConfigureManager, change),
    Route::resource(SESSIONS, all).post(Privilege::Open, sign_in),
    // Old clients sign in here, as DSP0266 has it for them.
    Route::at("/redfish/v1/SessionService/Sessions/Members").post(Privilege::Open, sign_in),
    Route::resource("/redfish/v1/SessionService/Sessions/{}", one).delete(Privilege::ConfigureSelf, sign_out),
];

fn service(view: &View<'_>) -> Result<Value, Refusal> {
    Ok(with(
        resource("SessionService", view, "Sessions"),
        json!({
            "ServiceEnabled": true,
            "SessionTimeout": view.redfish.logins().timeout(),
            "Status": enabled(),
            "Sessions": link(SESSIONS),
        }),
    ))
}

fn change(view: &View<'_>, changes: &mut Changes) -> Result<(), Refusal> {
    let timeout = changes.number("/SessionTimeout", &TIMEOUTS);
    changes.check()?;
    if let Some(timeout) = timeout {
        view.redfish.logins().set_timeout(timeout);
    }
    Ok(())
}

fn all(view: &View<'_>) -> Result<Value, Refusal> {
    let sessions = view.redfish.logins().list();
    let seen = sessions.iter().filter(|session| is_seen(view, session));
    let members = seen.map(|session| format!("{SESSIONS}/{}", session.id));
    Ok(collection("Session", view, "Sessions", members))
}

/// One's own sessions are seen by everybody, those of others by those who may end them.
fn is_seen(view: &View<'_>, session: &Shown) -> bool {
    view.caller.is_account(session.account) || view.caller.may(Privilege::ConfigureManager)
}

fn wanted(view: &View<'_>) -> Result<Shown, Refusal> {
    let session = view.redfish.logins().get(view.id());
    session
        .filter(|session| is_seen(view, session))
        .ok_or_else(|| view.not_found())
}

fn one(view: &View<'_>) -> Result<Value, Refusal> {
    Ok(shown(view, &wanted(view)?))
}

fn shown(view: &View<'_>, session: &Shown) -> Value {
    with(
        resource("Session", view, &format!("Session of {}", session.name)),
        json!({
            "UserName": session.name,
            "Password": null,
            "SessionType": "Redfish",
            "CreatedTime": system::whole_seconds(session.since),
            "ClientOriginIPAddress": session.origin.address(),
        }),
    )
}

fn sign_in(view: &View<'_>, properties: &mut Changes) -> Outcome {
    let name = properties.text("/UserName");
    let password = properties.text("/Password");
    for (pointer, missing) in [("/UserName", name.is_none()), ("/Password", password.is_none())] {
        if missing {
            properties.missing(pointer);
        }
    }
    properties.text("/Context");
    properties.check_all()?;
    let (Some(name), Some(password)) = (name, password) else {
        return Err(Refusal::bad(Message::new(registry::MALFORMED_JSON, [])));
    };
    let redfish = view.redfish;
    let Some(account) = redfish.bmc().accounts().sign_in(&name, password.as_bytes()) else {
        redfish.logins().note_failure(redfish.bmc(), view.origin);
        let message = Message::new(registry::RESOURCE_AT_URI_UNAUTHORIZED, [SESSIONS]);
        return Err(Refusal::new(StatusCode::UNAUTHORIZED, message));
    };
    let begun = redfish.logins().begin(redfish, &account, view.origin);
    let (id, token) = begun.ok_or_else(|| {
        let message = Message::new(registry::SESSION_LIMIT_EXCEEDED, []);
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, message)
    })?;
    let path = format!("{SESSIONS}/{id}");
    let session = redfish.logins().get(&id).ok_or_else(|| Refusal::not_found(&path))?;
    let view = View { path: &path, ..*view };
    Ok(Reply::created(shown(&view, &session)).with(HeaderName::from_static("x-auth-token"), token))
}

fn sign_out(view: &View<'_>) -> Outcome {
    let session = wanted(view)?;
    view.redfish.logins().end(&session.id);
    Ok(Reply::empty())
}
