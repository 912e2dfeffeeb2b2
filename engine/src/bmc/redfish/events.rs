//! Events: what comes into the log, told to whoever subscribed, by POST or as a stream.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue},
};
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::{broadcast, mpsc, watch};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{
    Redfish,
    caller::Caller,
    delivery,
    resources::{LOG_REGISTRY, SYSTEM, message_of, severity, whole_seconds},
    schema,
};

/// Subscriptions at a time.
const LIMIT: usize = 16;
/// Streams at a time.
const STREAMS: usize = 16;
/// Events that wait for a slow receiver; what comes then it does not get.
const QUEUE: usize = 64;
/// How often an event is sent again.
pub const RETRIES: u32 = 3;
/// How long after a failure.
pub const RETRY_AFTER: Duration = Duration::from_secs(30);

/// Something that happened, as Redfish tells it.
#[derive(Clone, Debug)]
pub struct Event {
    /// Which message of which registry.
    pub message_id: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// What it says.
    pub message: String,
    /// How much it matters.
    pub severity: &'static str,
    /// When it happened.
    pub time: Timestamp,
    /// The resource it is about.
    pub origin: &'static str,
}

/// An event with its number.
#[derive(Debug)]
pub struct Told {
    number: u64,
    event: Event,
}

impl Told {
    /// The event for a receiver who wants that context with it.
    pub fn json(&self, context: &str) -> Value {
        let event = &self.event;
        json!({
            "@odata.type": schema::type_of("Event"),
            "Id": self.number.to_string(),
            "Name": "Event",
            "Context": context,
            "Events": [{
                "MemberId": "0",
                "EventId": self.number.to_string(),
                "EventType": "Alert",
                "EventTimestamp": whole_seconds(event.time),
                "MessageSeverity": event.severity,
                "Severity": event.severity,
                "Message": event.message,
                "MessageId": event.message_id,
                "MessageArgs": event.arguments,
                "OriginOfCondition": { "@odata.id": event.origin },
            }],
        })
    }
}

/// Which events a subscriber wants; an empty list leaves nothing out.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// By the registries of their messages.
    pub registries: Vec<String>,
    /// By the kinds of resources they are about.
    pub resources: Vec<String>,
    /// By the ids of their messages, without versions.
    pub messages: Vec<String>,
}

impl Wanted {
    fn fits(&self, event: &Event) -> bool {
        let (registry, rest) = event.message_id.split_once('.').unwrap_or((&event.message_id, ""));
        let key = rest.rsplit('.').next().unwrap_or(rest);
        let short = format!("{registry}.{key}");
        (self.registries.is_empty() || self.registries.iter().any(|wanted| wanted == registry))
            && (self.resources.is_empty() || self.resources.iter().any(|wanted| wanted == "ComputerSystem"))
            && (self.messages.is_empty() || self.messages.contains(&short))
    }
}

/// What is done when an event can't be delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RetryPolicy {
    /// After some attempts the subscription is removed.
    #[default]
    Terminate,
    /// After some attempts the subscription rests.
    Suspend,
    /// It is tried for ever.
    Forever,
}

/// A subscription.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// Its number.
    pub id: u64,
    /// Where events are sent.
    pub destination: String,
    /// What is sent along.
    pub context: String,
    /// What is done when that fails.
    pub policy: RetryPolicy,
    /// Whether the receiver's certificate must be good.
    pub verify: bool,
    /// Which events.
    pub wanted: Wanted,
    /// Nothing is sent, as too much failed.
    pub suspended: bool,
}

#[derive(Debug)]
struct Subscriber {
    subscription: Subscription,
    queue: mpsc::Sender<Arc<Told>>,
    _delivery: AbortOnDropHandle<()>,
}

/// Events and those who want them.
#[derive(Debug)]
pub struct Events {
    subscribers: Mutex<BTreeMap<u64, Subscriber>>,
    streams: broadcast::Sender<Arc<Told>>,
    /// Ends the streams there are.
    ending: Mutex<CancellationToken>,
    last_event: AtomicU64,
    last_subscription: AtomicU64,
}

impl Default for Events {
    fn default() -> Self {
        Self {
            subscribers: Mutex::default(),
            streams: broadcast::Sender::new(QUEUE),
            ending: Mutex::default(),
            last_event: AtomicU64::new(0),
            last_subscription: AtomicU64::new(0),
        }
    }
}

impl Events {
    /// Tells everybody.
    pub fn tell(&self, event: Event) {
        let number = self.last_event.fetch_add(1, Ordering::Relaxed) + 1;
        let told = Arc::new(Told { number, event });
        for subscriber in self.lock().values() {
            let subscription = &subscriber.subscription;
            if !subscription.suspended && subscription.wanted.fits(&told.event) {
                // A full queue is that of a receiver who can't follow.
                let _ = subscriber.queue.try_send(Arc::clone(&told));
            }
        }
        // Nobody may be listening.
        let _ = self.streams.send(told);
    }

    /// Adds a subscription; `None`: there are too many.
    pub fn subscribe(
        &self,
        redfish: &Arc<Redfish>,
        mut subscription: Subscription,
        headers: Vec<(HeaderName, HeaderValue)>,
    ) -> Option<Subscription> {
        let mut subscribers = self.lock();
        if subscribers.len() >= LIMIT {
            return None;
        }
        subscription.id = self.last_subscription.fetch_add(1, Ordering::Relaxed) + 1;
        let (queue, events) = mpsc::channel(QUEUE);
        let headers: HeaderMap = headers.into_iter().collect();
        let delivery = delivery::deliver(Arc::downgrade(redfish), subscription.clone(), headers, events);
        subscribers.insert(
            subscription.id,
            Subscriber {
                subscription: subscription.clone(),
                queue,
                _delivery: AbortOnDropHandle::new(tokio::spawn(delivery)),
            },
        );
        Some(subscription)
    }

    /// All subscriptions, oldest first.
    pub fn subscriptions(&self) -> Vec<Subscription> {
        let subscribers = self.lock();
        subscribers
            .values()
            .map(|subscriber| subscriber.subscription.clone())
            .collect()
    }

    /// The subscription of that number.
    pub fn subscription(&self, id: u64) -> Option<Subscription> {
        self.lock().get(&id).map(|subscriber| subscriber.subscription.clone())
    }

    /// Changes a subscription; one that rests goes on.
    pub fn change(&self, id: u64, context: Option<String>, policy: Option<RetryPolicy>) {
        if let Some(subscriber) = self.lock().get_mut(&id) {
            let subscription = &mut subscriber.subscription;
            subscription.context = context.unwrap_or_else(|| std::mem::take(&mut subscription.context));
            subscription.policy = policy.unwrap_or(subscription.policy);
            subscription.suspended = false;
        }
    }

    /// Has a subscription rest.
    pub fn suspend(&self, id: u64) {
        if let Some(subscriber) = self.lock().get_mut(&id) {
            subscriber.subscription.suspended = true;
        }
    }

    /// Removes a subscription.
    pub fn unsubscribe(&self, id: u64) {
        let gone = self.lock().remove(&id);
        drop(gone);
    }

    /// Removes all subscriptions and ends all streams.
    pub fn end_all(&self) {
        std::mem::take(&mut *self.ending()).cancel();
        let gone = std::mem::take(&mut *self.lock());
        drop(gone);
    }

    /// All events from now on as server-sent events, until the client goes or is not signed in any more; `None`: there are too
    /// many such streams.
    pub fn stream(&self, redfish: &Arc<Redfish>, caller: Caller) -> Option<Body> {
        if self.streams.receiver_count() >= STREAMS {
            return None;
        }
        let events = self.streams.subscribe();
        let greeting = Bytes::from_static(b": events follow\n\n");
        let greeting = stream::once(async { Ok::<_, Infallible>(greeting) });
        let chunks = stream::unfold(events, async |mut events| {
            loop {
                match events.recv().await {
                    Ok(told) => {
                        let text = format!("id: {}\ndata: {}\n\n", told.number, told.json(""));
                        return Some((Ok(text.into()), events));
                    }
                    Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => return None,
                }
            }
        });
        let gone = signed_out(Arc::downgrade(redfish), caller, redfish.bmc().watch());
        let ending = self.ending().clone();
        let end = async move {
            tokio::select! {
                () = gone => {}
                () = ending.cancelled() => {}
            }
        };
        Some(Body::from_stream(greeting.chain(chunks).take_until(Box::pin(end))))
    }

    /// A token is replaced as a whole, whatever panics.
    fn ending(&self) -> MutexGuard<'_, CancellationToken> {
        self.ending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A panic while the lock was held can't have left a subscription half changed.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Subscriber>> {
        self.subscribers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns once somebody is not signed in any more.
async fn signed_out(redfish: Weak<Redfish>, caller: Caller, mut changes: watch::Receiver<u64>) {
    // Accounts and sessions are among what tells of its changes.
    while redfish.upgrade().is_some_and(|redfish| caller.is_signed_in(&redfish)) {
        if changes.changed().await.is_err() {
            return;
        }
    }
}

/// Tells of every entry that comes into the log.
pub async fn follow(redfish: Weak<Redfish>, mut changes: watch::Receiver<u64>) {
    let mut last_told = 0;
    loop {
        {
            let Some(redfish) = redfish.upgrade() else { return };
            for entry in redfish.bmc().log().entries_after(last_told) {
                let (id, argument) = message_of(&entry.what);
                redfish.events().tell(Event {
                    message_id: format!("{LOG_REGISTRY}.{id}"),
                    message: argument.clone(),
                    arguments: vec![argument],
                    severity: severity(entry.what.severity()),
                    time: entry.time,
                    origin: SYSTEM,
                });
                last_told = entry.serial;
            }
        }
        if changes.changed().await.is_err() {
            return;
        }
    }
}
