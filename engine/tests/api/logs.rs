//! The output of apps: whole, in part, followed.

use std::{sync::Arc, time::Duration};

use placemat2_engine::{api::LogLine, app::log::AppLog, client::Lines};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use crate::lab::Lab;

const PATH: &str = "/netns/operation/apps/bird/log";

async fn push(log: &AppLog, lines: std::ops::RangeInclusive<usize>) {
    for line in lines {
        log.push("stdout", format!("line {line}").as_bytes()).await;
    }
}

async fn lab_with_lines() -> (Lab, Arc<AppLog>) {
    let lab = Lab::start();
    let log = lab.log("operation", "bird");
    push(&log, 1..=5).await;
    (lab, log)
}

async fn next(lines: &mut Lines) -> Option<LogLine> {
    let line = timeout(Duration::from_secs(5), lines.next())
        .await
        .expect("nothing comes")
        .unwrap();
    line.map(|line| serde_json::from_str(&line).unwrap())
}

#[tokio::test]
async fn parts_of_the_output() {
    let (lab, log) = lab_with_lines().await;
    log.push("stderr", b"not \xff UTF-8").await;
    for (query, expected) in [
        ("", "line 1\nline 2\nline 3\nline 4\nline 5\nnot \u{fffd} UTF-8\n"),
        ("?tail=2", "line 5\nnot \u{fffd} UTF-8\n"),
        ("?tail=0", ""),
        ("?tail=18446744073709551615&after=4", "line 5\nnot \u{fffd} UTF-8\n"),
        ("?after=5&follow=false", "not \u{fffd} UTF-8\n"),
        ("?after=99", ""),
    ] {
        let answer = lab.get(&format!("{PATH}{query}")).await;
        assert_eq!(answer.status, 200, "{query}");
        assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
        assert_eq!(String::from_utf8_lossy(&answer.body), expected, "{query}");
    }
    for query in [
        "?tail=-1",
        "?tail=x",
        "?follow=maybe",
        "?format=xml",
        "?after=",
        "?tail=1&tail=2",
    ] {
        let answer = lab.get(&format!("{PATH}{query}")).await;
        assert_eq!(answer.status, 400, "{query}");
        assert!(answer.json()["error"].is_string());
    }
    lab.stop().await;
}

#[tokio::test]
async fn lines_as_json() {
    let (lab, log) = lab_with_lines().await;
    log.push("stderr", b"quoted \" and \x1b[1m").await;
    let by_query = lab.get(&format!("{PATH}?format=json&tail=1")).await;
    assert_eq!(by_query.header("content-type"), "application/x-ndjson");
    let line: LogLine = serde_json::from_slice(&by_query.body).unwrap();
    assert_eq!(
        (line.id, line.stream.as_str(), line.text.as_str()),
        (6, "stderr", "quoted \" and \u{1b}[1m")
    );
    let by_header = lab
        .ask(
            "GET",
            &format!("{PATH}?tail=1"),
            &[("accept", "application/x-ndjson")],
            "",
        )
        .await;
    assert_eq!(by_header.body, by_query.body);
    lab.stop().await;
}

#[tokio::test]
async fn following_goes_on_until_the_lab_ends() {
    let (lab, log) = lab_with_lines().await;
    let mut lines = lab.client().stream(&format!("{PATH}?follow&tail=1")).await.unwrap();
    assert_eq!(next(&mut lines).await.unwrap().text, "line 5");
    push(&log, 6..=6).await;
    assert_eq!(next(&mut lines).await.unwrap().id, 6);
    let mut from_now = lab.client().stream(&format!("{PATH}?follow&tail=0")).await.unwrap();
    push(&log, 7..=700).await;
    for id in 7..=700 {
        assert_eq!(next(&mut lines).await.unwrap().id, id);
        assert_eq!(next(&mut from_now).await.unwrap().id, id);
    }
    lab.cancel.cancel();
    assert_eq!(next(&mut lines).await, None);
    lab.stop().await;
}

#[tokio::test]
async fn plain_text_comes_line_by_line() {
    let (lab, log) = lab_with_lines().await;
    let mut stream = lab.open(&format!("{PATH}?follow&tail=1"), "").await;
    stream.flush().await.unwrap();
    let mut seen = String::new();
    let mut buffer = [0; 1024];
    for expected in ["line 5\n", "line 6\n", "line 7\n"] {
        while !seen.contains(expected) {
            let length = timeout(Duration::from_secs(5), stream.read(&mut buffer))
                .await
                .unwrap()
                .unwrap();
            assert_ne!(length, 0);
            seen.push_str(&String::from_utf8_lossy(&buffer[..length]));
        }
        let next = log.lines_after(0, 100).len() + 1;
        push(&log, next..=next).await;
    }
    assert!(seen.contains("transfer-encoding: chunked"), "{seen}");
    assert!(!seen.contains("line 4"));
    lab.stop().await;
}

#[tokio::test]
async fn a_follower_that_does_not_read_skips_what_is_forgotten() {
    let (lab, log) = lab_with_lines().await;
    let mut follower = lab.client().stream(&format!("{PATH}?follow")).await.unwrap();
    let flood = vec![b'x'; 10_000];
    for _ in 0..3_000 {
        log.push("stdout", &flood).await;
    }
    push(&log, 3006..=3006).await;
    let mut last = 0;
    let mut skipped = false;
    while last < 3006 {
        let line = next(&mut follower).await.unwrap();
        assert!(line.id > last);
        skipped |= line.id > last + 1;
        last = line.id;
    }
    assert!(skipped, "30 MB were kept for a client");
    lab.stop().await;
}
