//! Consoles, screens, shells and counters over HTTP.

use std::time::Duration;

use placemat2_engine::client::{ClientError, Console};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use crate::lab::Lab;

async fn until(stream: &mut (impl AsyncReadExt + Unpin), end: &str) -> String {
    let mut seen = vec![];
    while !seen.ends_with(end.as_bytes()) {
        let read = timeout(Duration::from_secs(10), stream.read_buf(&mut seen)).await;
        assert_ne!(read.expect("nothing comes").unwrap(), 0, "the stream ended");
    }
    String::from_utf8(seen).unwrap()
}

#[tokio::test]
async fn several_clients_share_a_console() {
    let lab = Lab::start();
    let mut guest = lab.console("boot-0").await;
    guest.write_all(b"booting\r\nlogin: ").await.unwrap();
    let open = async |query: &str| lab.client().tunnel(&format!("/nodes/boot-0/console{query}")).await;
    let mut one = open("").await.unwrap();
    until(&mut one, "login: ").await;
    let mut two = open("?since=start").await.unwrap();
    assert_eq!(until(&mut two, "login: ").await, "booting\r\nlogin: ");
    let mut reader = open("?since=now&readonly=true").await.unwrap();
    reader.write_all(b"not typed").await.unwrap();
    one.write_all(b"root\r").await.unwrap();
    assert_eq!(until(&mut guest, "\r").await, "root\r");
    guest.write_all(b"root\r\n").await.unwrap();
    for client in [&mut one, &mut two, &mut reader] {
        assert_eq!(until(client, "\n").await, "root\r\n");
    }
    let refused = [
        lab.get("/nodes/boot-0/console").await.status,
        lab.get("/nodes/boot-0/console?since=yesterday").await.status,
        lab.get("/nodes/boot-0/console?readonly=perhaps").await.status,
    ];
    assert_eq!(refused, [426, 400, 400]);
    let error = lab.client().tunnel("/nodes/nobody/console").await.unwrap_err();
    assert!(matches!(error, ClientError::Refused { status: 404, .. }), "{error}");
    // What it has typed before it goes is typed; whoever has said all does not stay.
    one.write_all(b"logout\r").await.unwrap();
    one.shutdown().await.unwrap();
    assert_eq!(until(&mut guest, "\r").await, "logout\r");
    assert_eq!(one.read(&mut [0; 8]).await.unwrap(), 0);
    lab.stop().await;
}

#[tokio::test]
async fn a_console_says_how_much_of_it_is_of_the_past() {
    let lab = Lab::start();
    let mut guest = lab.console("boot-0").await;
    let past = "booting\r\nlogin: \x1b[6n";
    guest.write_all(past.as_bytes()).await.unwrap();
    let path = |query: &str| format!("/nodes/boot-0/console{query}");
    until(&mut lab.client().tunnel(&path("?since=start")).await.unwrap(), past).await;
    for (query, expected) in [("", past), ("?since=start", past), ("?since=now", "")] {
        let Console { replay, .. } = lab.client().console(&path(query)).await.unwrap();
        assert_eq!(replay, expected.len() as u64, "{query}");
    }
    lab.stop().await;
}

#[tokio::test]
async fn a_console_is_typed_into_and_its_log_read() {
    let lab = Lab::start();
    let mut guest = lab.console("boot-0").await;
    let typed = lab
        .ask("POST", "/nodes/boot-0/console/input", &[], "ls\n\0\u{1b}")
        .await;
    assert_eq!(typed.status, 200);
    assert_eq!(until(&mut guest, "\u{1b}").await, "ls\n\0\u{1b}");
    assert_eq!(lab.post("/nodes/nobody/console/input").await.status, 404);
    let path = "/nodes/boot-0/console/log";
    assert_eq!(lab.get(path).await.body, "");
    let mut follow = lab.open(&format!("{path}?follow"), "").await;
    guest.write_all(b"one\r\ntwo").await.unwrap();
    assert!(until(&mut follow, "\r\n\r\n").await.contains("text/plain"));
    until(&mut follow, "two\r\n").await;
    let log = lab.get(path).await;
    let text = String::from_utf8(log.body.to_vec()).unwrap();
    let lines: Vec<_> = text.split('\n').map(|line| line.split_at(25)).collect();
    assert_eq!([lines[0].1, lines[1].1], ["one\r", "two"]);
    assert!(lines[0].0.ends_with("Z "), "{text}");
    assert_eq!(lab.get(&format!("{path}?since=2100-01-01T00:00:00Z")).await.body, "");
    assert_eq!(lab.get(&format!("{path}?since=2000-01-01T00:00:00Z")).await.body, text);
    assert_eq!(lab.get(&format!("{path}?since=soon")).await.status, 400);
    for (node, status) in [("boot-0", 200), ("boot-1", 409), ("nobody", 404)] {
        let answer = lab.post(&format!("/nodes/{node}/console/break")).await;
        assert_eq!(answer.status, status, "{node}");
    }
    lab.post("/nodes/boot-0/stop").await;
    let typed = lab.post("/nodes/boot-0/console/input").await;
    assert_eq!(typed.status, 409);
    assert!(typed.json()["error"].as_str().unwrap().contains("is off"));
    lab.stop().await;
    assert!(!until(&mut follow, "0\r\n\r\n").await.contains("three"));
}

#[tokio::test]
async fn screens_and_counters() {
    let lab = Lab::start();
    let screen = lab.get("/nodes/boot-0/screenshot").await;
    assert_eq!((screen.status, screen.header("content-type")), (200, "image/png"));
    assert_eq!(&screen.body[..], b"\x89PNG");
    assert_eq!(lab.get("/nodes/boot-1/screenshot").await.status, 409);
    assert_eq!(lab.get("/nodes/nobody/screenshot").await.status, 404);
    let links = serde_json::json!([
        {"id": "link/boot-0/0", "rx_bytes": 1, "tx_bytes": 2, "rx_packets": 3, "tx_packets": 4, "up": true},
    ]);
    assert_eq!(lab.get("/links").await.json(), links);
    lab.stop().await;
}

#[tokio::test]
async fn shells_are_not_for_tcp() {
    let lab = Lab::start();
    let upgrade = [("connection", "upgrade"), ("upgrade", "placemat2-stream")];
    for path in ["/netns/operation/shell", "/shells/1"] {
        assert_eq!(lab.ask("GET", path, &upgrade, "").await.status, 403, "{path}");
    }
    assert_eq!(
        lab.ask("PUT", "/shells/1/size?cols=80&rows=24", &[], "").await.status,
        403
    );
    let refused = async |path: &str| match lab.client().tunnel(path).await.unwrap_err() {
        ClientError::Refused { status, .. } => status,
        error => panic!("{error}"),
    };
    assert_eq!(refused("/netns/none/shell").await, 404);
    assert_eq!(refused("/netns/operation/shell?cols=many").await, 400);
    assert_eq!(refused("/netns/operation/shell?term=a%0Ab").await, 400);
    assert_eq!(refused("/netns/operation/shell?command=ls").await, 400);
    assert_eq!(refused("/shells/1").await, 404);
    lab.stop().await;
}
