//! Sending events to a subscriber, one after the other, again if need be.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use axum::http::{HeaderMap, header};
use tokio::{sync::mpsc, time::sleep};

use super::{
    Redfish,
    events::{RETRIES, RETRY_AFTER, RetryPolicy, Subscription, Told},
};
use crate::bmc::{ERRAND, ERRAND_VALUE};

/// How long a receiver may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sends what comes, until the subscription ends.
pub async fn deliver(
    redfish: Weak<Redfish>,
    subscription: Subscription,
    mut headers: HeaderMap,
    mut events: mpsc::Receiver<Arc<Told>>,
) {
    headers.insert(ERRAND, ERRAND_VALUE);
    // An error says that somebody else has chosen a provider: theirs will do.
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = reqwest::Client::builder()
        .default_headers(headers)
        .timeout(PATIENCE)
        .redirect(reqwest::redirect::Policy::none())
        .tls_danger_accept_invalid_certs(!subscription.verify)
        .build();
    let client = match client {
        Ok(client) => client,
        Err(error) => {
            let destination = &subscription.destination;
            tracing::warn!("no events can be sent to {destination}: {error}");
            if let Some(redfish) = redfish.upgrade() {
                redfish.events().suspend(subscription.id);
            }
            return;
        }
    };
    while let Some(event) = events.recv().await {
        let mut failures = 0;
        loop {
            let face = redfish.upgrade();
            let now = face.and_then(|redfish| redfish.events().subscription(subscription.id));
            let Some(now) = now else { return };
            let Err(reason) = send(&client, &now, &event).await else {
                break;
            };
            tracing::debug!("an event could not be sent to {}: {reason}", now.destination);
            failures += 1;
            if failures > RETRIES && now.policy != RetryPolicy::Forever {
                give_up(&redfish, &now);
                break;
            }
            sleep(RETRY_AFTER).await;
        }
    }
}

async fn send(client: &reqwest::Client, subscription: &Subscription, event: &Told) -> Result<(), String> {
    let body = event.json(&subscription.context).to_string();
    let request = client
        .post(&subscription.destination)
        .header(header::CONTENT_TYPE, "application/json")
        .body(body);
    let answer = request.send().await.map_err(|error| error.to_string())?;
    let status = answer.status();
    if status.is_success() {
        Ok(())
    } else {
        Err(format!("the receiver answered {status}"))
    }
}

fn give_up(redfish: &Weak<Redfish>, subscription: &Subscription) {
    let Some(redfish) = redfish.upgrade() else { return };
    let node = &redfish.bmc().identity().node;
    let destination = &subscription.destination;
    if subscription.policy == RetryPolicy::Suspend {
        tracing::warn!(
            node,
            "no more events are sent to {destination}, which does not take them"
        );
        redfish.events().suspend(subscription.id);
    } else {
        tracing::warn!(
            node,
            "the subscription of {destination}, which does not take events, is removed"
        );
        redfish.events().unsubscribe(subscription.id);
    }
}
