//! Events, sent to subscribers and streamed.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, Method},
    routing::post as posted,
};
use futures::StreamExt as _;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::mpsc, time::timeout};

use crate::bmc::{
    Cause, ERRAND, Occurrence, Verb,
    redfish::{
        Origin, Redfish,
        resources::MANAGER,
        testing::{ADMINISTRATOR, READER, ask, get, patch, post, redfish},
    },
    testing::Scripted,
};

const SUBSCRIPTIONS: &str = "/redfish/v1/EventService/Subscriptions";
/// Long, so that a slow machine doesn't fail a test; nothing waits for it unless something is wrong.
const PATIENCE: Duration = Duration::from_secs(60);

/// A receiver of events; returns its URL and what it gets.
async fn receiver() -> (String, mpsc::UnboundedReceiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/events", listener.local_addr().unwrap());
    let (got, events) = mpsc::unbounded_channel();
    let take = move |headers: HeaderMap, body: Bytes| async move {
        // Whatever takes events can tell that it is not somebody of the host who sends them.
        assert!(headers.contains_key(ERRAND));
        drop(got.send(serde_json::from_slice(&body).unwrap()));
    };
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/events", posted(take))).await });
    (url, events)
}

async fn next(events: &mut mpsc::UnboundedReceiver<Value>) -> Value {
    timeout(PATIENCE, events.recv()).await.unwrap().unwrap()
}

#[tokio::test]
async fn what_happens_is_sent_to_subscribers() {
    let redfish = redfish(&Scripted::new());
    let (url, mut events) = receiver().await;
    let wanted = json!({
        "Destination": url, "Protocol": "Redfish", "Context": "mine", "EventTypes": ["Alert"],
        "HttpHeaders": [{ "X-Secret": "hush" }],
    });
    let made = post(&redfish, SUBSCRIPTIONS, wanted).await;
    assert_eq!(made.status, 201);
    assert!(!String::from_utf8_lossy(&made.body).contains("hush"));
    let path = made.header("location").to_owned();
    redfish.bmc().act(Verb::On, Cause::Redfish).await.unwrap();
    let event = next(&mut events).await;
    assert_eq!(event["Context"], "mine");
    assert_eq!(event["Events"][0]["MessageId"], "Placemat2.1.0.PoweredOn");
    assert_eq!(
        patch(&redfish, &path, json!({ "Context": "other" })).await.json()["Context"],
        "other"
    );
    let test = json!({ "Message": "Hello.", "MessageId": "Test.1.0.Hello", "MessageArgs": [], "Severity": "Warning" });
    let target = "/redfish/v1/EventService/Actions/EventService.SubmitTestEvent";
    assert_eq!(post(&redfish, target, test).await.status, 204);
    let event = next(&mut events).await;
    assert_eq!(
        (&event["Context"], &event["Events"][0]["Message"]),
        (&json!("other"), &json!("Hello."))
    );
    assert_eq!(
        ask(&redfish, Method::DELETE, &path, &[ADMINISTRATOR], "").await.status,
        204
    );
    assert_eq!(get(&redfish, SUBSCRIPTIONS).await.json()["Members"], json!([]));
}

#[tokio::test]
async fn only_what_is_wanted_is_sent() {
    let redfish = redfish(&Scripted::new());
    let (url, mut events) = receiver().await;
    let wanted = json!({ "Destination": url, "MessageIds": ["Placemat2.LogCleared"] });
    assert_eq!(post(&redfish, SUBSCRIPTIONS, wanted).await.status, 201);
    redfish.bmc().act(Verb::On, Cause::Redfish).await.unwrap();
    redfish.bmc().log().clear();
    assert_eq!(
        next(&mut events).await["Events"][0]["MessageId"],
        "Placemat2.1.0.LogCleared"
    );
}

#[tokio::test]
async fn an_entry_that_is_removed_has_none_told_again() {
    let redfish = redfish(&Scripted::new());
    let log = redfish.bmc().log();
    let (url, mut events) = receiver().await;
    assert_eq!(
        post(&redfish, SUBSCRIPTIONS, json!({ "Destination": url }))
            .await
            .status,
        201
    );
    for cause in [Cause::Ipmi, Cause::Redfish] {
        log.add(Occurrence::Nmi(cause));
        next(&mut events).await;
    }
    assert!(log.remove(log.ends().unwrap().1));
    // The log is looked at before the next one comes: time that is paused goes on when nobody has anything to do.
    tokio::time::pause();
    tokio::time::sleep(Duration::from_millis(1)).await;
    tokio::time::resume();
    log.clear();
    log.add(Occurrence::PoweredOn(Cause::Ipmi));
    for message in ["LogCleared", "PoweredOn"] {
        let event = next(&mut events).await;
        assert_eq!(event["Events"][0]["MessageId"], format!("Placemat2.1.0.{message}"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_takes_nothing_is_given_up() {
    let redfish = redfish(&Scripted::new());
    // Nobody listens on a port that was bound a moment ago and is not any more.
    let url = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("http://{}/", listener.local_addr().unwrap())
    };
    for policy in ["TerminateAfterRetries", "SuspendRetries"] {
        let wanted = json!({ "Destination": url, "DeliveryRetryPolicy": policy });
        assert_eq!(post(&redfish, SUBSCRIPTIONS, wanted).await.status, 201);
    }
    redfish.bmc().act(Verb::On, Cause::Redfish).await.unwrap();
    let left = async |redfish: &Arc<Redfish>| get(redfish, &format!("{SUBSCRIPTIONS}?$expand=.")).await.json();
    loop {
        let left = left(&redfish).await;
        if left["Members@odata.count"] == 1 && left["Members"][0]["Status"]["State"] == "Disabled" {
            break;
        }
        tokio::time::sleep(Duration::from_secs(10)).await;
    }
}

#[tokio::test]
async fn subscriptions_that_cannot_be() {
    let redfish = redfish(&Scripted::new());
    for wrong in [
        json!({}),
        json!({ "Destination": "ftp://10.0.0.1/" }),
        json!({ "Destination": "nowhere" }),
        json!({ "Destination": "http://10.0.0.1/", "Protocol": "SMTP" }),
        json!({ "Destination": "http://10.0.0.1/", "HttpHeaders": [{ "a b": "c" }] }),
        json!({ "Destination": "http://10.0.0.1/", "HttpHeaders": [{ "Content-Length": "1" }] }),
        json!({ "Destination": "http://10.0.0.1/", "HttpHeaders": [{ "Placemat2-BMC-Errand": "" }] }),
        json!({ "Destination": "http://10.0.0.1/", "Context": "x".repeat(300) }),
        json!({ "Destination": "http://10.0.0.1/", "EventTypes": ["ResourceAdded"] }),
    ] {
        assert_eq!(
            post(&redfish, SUBSCRIPTIONS, wrong.clone()).await.status,
            400,
            "{wrong}"
        );
    }
    let wanted = json!({ "Destination": "http://127.0.0.1:9/" });
    while post(&redfish, SUBSCRIPTIONS, wanted.clone()).await.status == 201 {}
    assert_eq!(redfish.events().subscriptions().len(), 16);
}

#[tokio::test]
async fn a_stream_ends_with_who_has_it() {
    let redfish = redfish(&Scripted::new());
    let open = async |(name, value): (&str, &str)| {
        let request = axum::http::Request::get("/redfish/v1/EventService/SSE").header(name, value);
        let origin = Origin::Remote([10, 0, 0, 9].into());
        let answer = redfish.answer(request.body(Bytes::new()).unwrap(), origin).await;
        let mut stream = answer.into_body().into_data_stream();
        stream.next().await.unwrap().unwrap();
        stream
    };
    let login = json!({ "UserName": "cybozu", "Password": "cybozu" });
    let session = post(&redfish, "/redfish/v1/SessionService/Sessions", login).await;
    let by_session = open(("x-auth-token", session.header("x-auth-token"))).await;
    let by_account = open(READER).await;
    let mut other = open(ADMINISTRATOR).await;
    let path = session.header("location");
    assert_eq!(
        ask(&redfish, Method::DELETE, path, &[ADMINISTRATOR], "").await.status,
        204
    );
    let account = redfish.bmc().accounts().named("reader").unwrap();
    assert!(redfish.bmc().accounts().remove(account.id));
    for mut ended in [by_session, by_account] {
        assert!(timeout(PATIENCE, ended.next()).await.unwrap().is_none());
    }
    redfish.bmc().log().add(Occurrence::Nmi(Cause::Ipmi));
    assert!(timeout(PATIENCE, other.next()).await.unwrap().is_some());
    let reset = json!({ "ResetType": "GracefulRestart" });
    let target = format!("{MANAGER}/Actions/Manager.Reset");
    assert_eq!(post(&redfish, &target, reset).await.status, 204);
    assert!(timeout(PATIENCE, other.next()).await.unwrap().is_none());
}

#[tokio::test]
async fn events_can_be_streamed() {
    let redfish = redfish(&Scripted::new());
    let request = axum::http::Request::get("/redfish/v1/EventService/SSE")
        .body(Bytes::new())
        .unwrap();
    let answer = redfish.answer(request, Origin::Lab).await;
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let mut stream = answer.into_body().into_data_stream();
    let mut read = async || {
        let chunk = timeout(PATIENCE, stream.next()).await.unwrap().unwrap().unwrap();
        String::from_utf8(chunk.to_vec()).unwrap()
    };
    assert!(read().await.starts_with(':'));
    redfish.bmc().act(Verb::On, Cause::Redfish).await.unwrap();
    let event = read().await;
    let data = event.split_once("data: ").unwrap().1.trim_end();
    let event: Value = serde_json::from_str(data).unwrap();
    assert_eq!(event["Events"][0]["MessageId"], "Placemat2.1.0.PoweredOn");
}
