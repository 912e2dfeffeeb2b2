//! Answers that go on: events and output as they come.

use std::time::Duration;

use placemat2_engine::{
    api::Change,
    store::{Event, Level},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    net::TcpStream,
    time::timeout,
};

use crate::lab::Lab;

async fn line(reader: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    timeout(Duration::from_secs(5), reader.read_line(&mut line))
        .await
        .expect("nothing comes")
        .unwrap();
    line.trim_end().to_owned()
}

/// The ids of the next server-sent events.
async fn ids(reader: &mut BufReader<TcpStream>, count: usize) -> Vec<u64> {
    let mut ids = Vec::new();
    while ids.len() < count {
        let line = line(reader).await;
        if let Some(id) = line.strip_prefix("id: ") {
            ids.push(id.parse().unwrap());
        }
    }
    ids
}

#[tokio::test]
async fn server_sent_events_are_resumable() {
    let lab = Lab::start();
    lab.store.event(Level::Info, "lab", "phase", "first");
    let mut reader = BufReader::new(lab.open("/events", "").await);
    while line(&mut reader).await != "retry: 1000" {}
    assert_eq!(ids(&mut reader, 1).await, [1]);
    let data = line(&mut reader).await;
    let event: Event = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
    assert_eq!((event.id, event.message.as_str()), (1, "first"));

    lab.store.event(Level::Warn, "node/boot-0", "power", "two\nlines");
    assert_eq!(ids(&mut reader, 1).await, [2]);
    drop(reader);

    lab.store.event(Level::Info, "lab", "phase", "third");
    let mut resumed = BufReader::new(lab.open("/events", "Last-Event-ID: 1\r\n").await);
    assert_eq!(ids(&mut resumed, 2).await, [2, 3]);
    let mut by_query = BufReader::new(lab.open("/events?after=2", "").await);
    assert_eq!(ids(&mut by_query, 1).await, [3]);
    let mut of_an_earlier_run = BufReader::new(lab.open("/events?after=5000", "").await);
    assert_eq!(ids(&mut of_an_earlier_run, 3).await, [1, 2, 3]);
    lab.stop().await;
}

#[tokio::test]
async fn streams_end_with_the_lab_and_miss_nothing() {
    let lab = Lab::start();
    let mut lines = lab.client().stream("/events").await.unwrap();
    lab.store.event(Level::Info, "lab", "phase", "last");
    lab.cancel.cancel();
    let event: Event = serde_json::from_str(&lines.next().await.unwrap().unwrap()).unwrap();
    assert_eq!(event.message, "last");
    assert_eq!(lines.next().await.unwrap(), None);
    lab.stop().await;
}

#[tokio::test]
async fn many_events_come_in_order_and_whole() {
    let lab = Lab::start();
    let mut lines = lab.client().stream("/events").await.unwrap();
    for n in 1..=3000 {
        lab.store.event(Level::Info, "lab", "test", &format!("number {n}"));
    }
    for n in 1..=3000 {
        let line = timeout(Duration::from_secs(5), lines.next())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        let event: Event = serde_json::from_str(&line).unwrap();
        assert_eq!(event.id, n);
    }
}

#[tokio::test]
async fn a_reader_that_does_not_read_holds_nobody_up() {
    let lab = Lab::start();
    let long = "x".repeat(1000);
    let mut stalled = lab.open("/events", "").await;
    for _ in 0..15_000 {
        lab.store.event(Level::Info, "lab", "test", &long);
    }
    assert_eq!(lab.get("/nodes").await.status, 200);
    // What was forgotten meanwhile is skipped; what is there comes, up to the newest.
    let read_all = async {
        let mut seen = Vec::new();
        let mut buffer = vec![0; 65536];
        loop {
            let length = stalled.read(&mut buffer).await.unwrap();
            assert_ne!(length, 0, "the stream ended");
            seen.extend_from_slice(&buffer[..length]);
            let tail = String::from_utf8_lossy(&seen[seen.len().saturating_sub(3000)..]).into_owned();
            if tail.contains("id: 15000\n") {
                return;
            }
        }
    };
    timeout(Duration::from_secs(20), read_all)
        .await
        .expect("the newest event never came");
    lab.stop().await;
}

#[tokio::test]
async fn changes_are_told_at_once_and_as_they_come() {
    let lab = Lab::start();
    let mut reader = BufReader::new(lab.open("/changes", "").await);
    let mut version = async || loop {
        if let Ok(change) = serde_json::from_str::<Change>(&line(&mut reader).await) {
            return change.version;
        }
    };
    let first = version().await;
    lab.store.update(|state| state.lab.name = "renamed".into());
    assert!(version().await > first);
    lab.stop().await;
}
