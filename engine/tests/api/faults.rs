//! Clients that are broken, slow or hostile.

use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UnixStream},
    time::timeout,
};

use crate::lab::Lab;

#[tokio::test]
async fn bodies_are_read_up_to_a_limit() {
    let lab = Lab::start();
    assert_eq!(lab.ask("POST", "/nodes/boot-0/stop", &[], "{}").await.status, 200);
    assert_eq!(
        lab.ask("POST", "/nodes/boot-0/stop", &[], vec![b'x'; 60_000])
            .await
            .status,
        200
    );
    let announced = b"POST /nodes/boot-0/stop HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n";
    let refused = lab.raw(announced).await;
    assert!(refused.starts_with("HTTP/1.1 413 "), "{refused}");
    assert!(refused.contains("{\"error\":"), "{refused}");
    assert_eq!(lab.control.actions.lock().unwrap().len(), 2);
    let mut endless = TcpStream::connect(lab.address).await.unwrap();
    let head = b"POST /nodes/boot-0/stop HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    endless.write_all(head).await.unwrap();
    let chunk = format!("1000\r\n{}\r\n", "x".repeat(4096));
    let mut sent = 0;
    while sent < 10_000_000 && endless.write_all(chunk.as_bytes()).await.is_ok() {
        sent += chunk.len();
    }
    assert!(sent < 10_000_000, "an endless body is taken");
    assert_eq!(lab.control.actions.lock().unwrap().len(), 2);
    lab.stop().await;
}

#[tokio::test]
async fn malformed_requests_are_refused() {
    let lab = Lab::start();
    let long_header = format!(
        "GET /nodes HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n",
        "x".repeat(200_000)
    );
    let many_headers = format!(
        "GET /nodes HTTP/1.1\r\nHost: localhost\r\n{}\r\n",
        "X: y\r\n".repeat(1000)
    );
    let long_path = format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "x".repeat(200_000));
    let malformed: [&[u8]; 10] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"GET /nodes\r\n\r\n",
        b"GET /nodes HTTP/9.9\r\nHost: localhost\r\n\r\n",
        b"GET /nodes HTTP/1.1\r\nHost localhost\r\n\r\n",
        b"POST /nodes/boot-0/stop HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST /nodes/boot-0/stop HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        long_header.as_bytes(),
        many_headers.as_bytes(),
        long_path.as_bytes(),
    ];
    for bytes in malformed {
        let answer = lab.raw(bytes).await;
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(80)]).into_owned();
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
            "{shown}: {answer}"
        );
    }
    for bad_path in ["/nodes/%ff", "/nodes/%zz", "/nodes/%00"] {
        let request = format!("GET {bad_path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let answer = lab.raw(request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 4"), "{bad_path}: {answer}");
        assert!(answer.contains("{\"error\":"), "{bad_path}: {answer}");
    }
    assert!(lab.control.actions.lock().unwrap().is_empty());
    assert_eq!(lab.get("/nodes").await.status, 200);
    lab.stop().await;
}

#[tokio::test]
async fn many_requests_on_one_connection() {
    let lab = Lab::start();
    let one = "GET /lab HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let last = "GET /lab HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let answers = lab.raw(format!("{}{last}", one.repeat(50)).as_bytes()).await;
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 51);
}

#[tokio::test]
async fn clients_that_say_nothing_do_not_hold_up_others_nor_the_end() {
    let lab = Lab::start();
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(TcpStream::connect(lab.address).await.unwrap());
    }
    let mut halfway = UnixStream::connect(&lab.socket).await.unwrap();
    halfway.write_all(b"GET /nodes HTTP/1.1\r\nHos").await.unwrap();
    assert_eq!(lab.get("/nodes").await.status, 200);
    let begun = Instant::now();
    lab.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(1));
    let mut rest = Vec::new();
    let _ = halfway.read_to_end(&mut rest).await;
}

#[tokio::test]
async fn a_full_tcp_door_leaves_the_unix_one_open() {
    let lab = Lab::start();
    let mut silent = Vec::new();
    for _ in 0..300 {
        silent.push(TcpStream::connect(lab.address).await.unwrap());
    }
    let nodes: Value = lab.client().get_json("/nodes").await.unwrap();
    assert_eq!(nodes[0]["name"], "boot-0");
    drop(silent);
    let answer = timeout(Duration::from_secs(5), lab.get("/nodes"))
        .await
        .expect("the door stays shut");
    assert_eq!(answer.status, 200);
    lab.stop().await;
}
