//! The copy of the lab's state: fetched when the lab tells that it changed, and its events as they come.

use std::time::Duration;

use placemat2_engine::{
    client::{Client, ClientError},
    store::{Event, State},
};

use super::{Sender, backoff::Backoff, batch::batch};
use crate::msg::Msg;

/// The state is fetched at most so often; what changes meanwhile comes with the next one.
const APART: Duration = Duration::from_millis(100);

/// Follows a lab for as long as anybody listens, connecting again and again.
pub async fn follow(client: Client, messages: Sender) {
    let mut backoff = Backoff::default();
    let mut after = 0;
    loop {
        let lost = match connected(&client, &messages, &mut after, &mut backoff).await {
            Ok(()) => "the lab ended the connection".to_owned(),
            Err(error) => error.to_string(),
        };
        if messages.send(Msg::Lost(lost)).await.is_err() {
            return;
        }
        backoff.wait().await;
    }
}

/// Follows a lab until the connection ends.
async fn connected(
    client: &Client,
    messages: &Sender,
    after: &mut u64,
    backoff: &mut Backoff,
) -> Result<(), ClientError> {
    let mut changes = client.stream("/changes").await?;
    let mut events = client.stream(&format!("/events?after={after}")).await?;
    let _ = messages.send(Msg::Connected).await;
    *backoff = Backoff::default();
    loop {
        tokio::select! {
            change = changes.next() => {
                if change?.is_none() {
                    return Ok(());
                }
                let state = fetch(client).await?;
                let _ = messages.send(Msg::State(Box::new(state))).await;
                tokio::time::sleep(APART).await;
            }
            event = events.next() => {
                let Some(first) = event? else { return Ok(()) };
                let batch: Vec<Event> = batch(first, &mut events).await?;
                if let Some(last) = batch.last() {
                    *after = last.id;
                    let _ = messages.send(Msg::Events(batch)).await;
                }
            }
        }
        if messages.is_closed() {
            return Ok(());
        }
    }
}

async fn fetch(client: &Client) -> Result<State, ClientError> {
    let (lab, networks, namespaces, images, nodes, bmcs, forwards) = tokio::try_join!(
        client.get_json("/lab"),
        client.get_json("/networks"),
        client.get_json("/netns"),
        client.get_json("/images"),
        client.get_json("/nodes"),
        client.get_json("/bmcs"),
        client.get_json("/forwards"),
    )?;
    Ok(State {
        lab,
        networks,
        namespaces,
        images,
        nodes,
        bmcs,
        forwards,
    })
}
