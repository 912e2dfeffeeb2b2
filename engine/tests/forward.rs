//! Forwards on real sockets: a host and a namespace of the test's own, joined by a veth pair.

#![cfg(test)]
// Outside of #[test] functions, too, a test may give up.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod joined;

use std::{
    io::ErrorKind,
    sync::Arc,
    time::{Duration, Instant},
};

use joined::{Lab, on_private_host};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use placemat2_engine::{
    forward::{ForwardError, Wanted},
    spec::model::Protocol,
    store::Level,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, UdpSocket},
    time::{sleep, timeout},
};

async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < deadline, "still not so: {what}");
        sleep(Duration::from_millis(5)).await;
    }
}

async fn says(stream: &mut TcpStream, text: &str) -> String {
    stream.write_all(text.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[test]
fn connections_of_both_families_keep_their_halves() {
    on_private_host(async |lab: Lab| {
        lab.echo("10.0.0.2:80");
        lab.echo("[fd00::2]:80");
        lab.add(8080, Protocol::Tcp, "10.0.0.2:80");
        lab.add(8081, Protocol::Tcp, "[fd00::2]:80");
        lab.add(8082, Protocol::Tcp, "localhost:81");
        lab.echo("127.0.0.1:81");
        // The client ends its half before anything comes back; the other half still carries.
        for (address, port) in [
            ("127.0.0.1", 8080),
            ("10.0.0.1", 8080),
            ("::1", 8080),
            ("127.0.0.1", 8081),
            ("::1", 8081),
            ("127.0.0.1", 8082),
        ] {
            let mut stream = TcpStream::connect((address, port)).await.unwrap();
            assert_eq!(says(&mut stream, "hello").await, "hello", "{address} {port}");
        }
        eventually("they have ended", || lab.traffic(8080).active == 0).await;
        let traffic = lab.traffic(8080);
        assert_eq!((traffic.connections, traffic.failed), (3, 0));
        assert_eq!((traffic.bytes_in, traffic.bytes_out), (15, 15));
        assert_eq!(traffic.last_error, None);
        lab.forwards.close().await;
    });
}

#[test]
fn datagrams_find_their_way_back() {
    on_private_host(async |lab: Lab| {
        let server = lab
            .netns
            .run(|| std::net::UdpSocket::bind("10.0.0.2:53").unwrap())
            .unwrap();
        server.set_nonblocking(true).unwrap();
        let server = UdpSocket::from_std(server).unwrap();
        tokio::spawn(async move {
            let mut buffer = vec![0; 65_535];
            loop {
                let (length, client) = server.recv_from(&mut buffer).await.unwrap();
                server.send_to(&buffer[..length], client).await.unwrap();
            }
        });
        lab.add(5353, Protocol::Udp, "10.0.0.2:53");
        // The same number is another port for another protocol.
        lab.add(5353, Protocol::Tcp, "10.0.0.2:53");
        let mut buffer = vec![0; 65_535];
        for (own, port) in [
            ("127.0.0.1:0", "127.0.0.1:5353"),
            ("[::1]:0", "[::1]:5353"),
            ("10.0.0.1:0", "10.0.0.1:5353"),
        ] {
            let client = UdpSocket::bind(own).await.unwrap();
            client.connect(port).await.unwrap();
            for size in [0, 1, 1472, 60_000] {
                let data: Vec<u8> = (0..=250u8).cycle().take(size).collect();
                client.send(&data).await.unwrap();
                let length = timeout(Duration::from_secs(5), client.recv(&mut buffer)).await;
                assert_eq!(&buffer[..length.expect("an answer").unwrap()], data);
            }
        }
        lab.forwards.delete(5353, Protocol::Tcp).await.unwrap();
        let traffic = lab.traffic(5353);
        assert_eq!((traffic.connections, traffic.active), (3, 3));
        assert_eq!(traffic.bytes_in, 3 * 61_473);
        assert_eq!(traffic.bytes_out, 3 * 61_473);
        lab.forwards.close().await;
    });
}

#[test]
fn what_leads_nowhere_is_told() {
    on_private_host(async |lab: Lab| {
        lab.add(9000, Protocol::Tcp, "192.168.7.7:80");
        lab.add(9001, Protocol::Tcp, "10.0.0.2:9");
        lab.add(9002, Protocol::Tcp, "no-such-host.invalid:9");
        for (port, error) in [
            (
                9000,
                "Namespace \"inside\" has no route to 192.168.7.7:80: add one there",
            ),
            (
                9001,
                "Namespace \"inside\" does not reach 10.0.0.2:9: Connection refused",
            ),
            (
                9002,
                "Namespace \"inside\" can't look up the host \"no-such-host.invalid\"",
            ),
        ] {
            for _ in 0..2 {
                // The reset may be quicker than the client's own thread.
                let reset = async { TcpStream::connect(("127.0.0.1", port)).await?.read(&mut [0]).await }.await;
                assert_eq!(reset.unwrap_err().kind(), ErrorKind::ConnectionReset, "{port}");
            }
            let traffic = lab.traffic(port);
            assert_eq!(traffic.failed, 2);
            assert!(traffic.last_error.unwrap().starts_with(error));
            // Told once, not with each connection.
            let events = lab.store.events_after(0);
            let told = events
                .iter()
                .filter(|event| event.level == Level::Warn && event.message.starts_with(error));
            assert_eq!(told.count(), 1);
        }
        lab.echo("10.0.0.2:9");
        let mut stream = TcpStream::connect("127.0.0.1:9001").await.unwrap();
        assert_eq!(says(&mut stream, "now").await, "now");
        assert_eq!(lab.traffic(9001).last_error, None);
        lab.forwards.close().await;
    });
}

#[test]
fn ports_are_taken_once_and_given_back() {
    on_private_host(async |lab: Lab| {
        lab.echo("10.0.0.2:80");
        let wanted = Lab::wanted(8080, Protocol::Tcp, "10.0.0.2:80");
        lab.forwards.add(wanted.clone()).unwrap();
        assert!(matches!(
            lab.forwards.add(wanted.clone()),
            Err(ForwardError::Exists { .. })
        ));
        let taken = std::net::TcpListener::bind("0.0.0.0:8090").unwrap();
        let error = lab
            .forwards
            .add(Lab::wanted(8090, Protocol::Tcp, "10.0.0.2:80"))
            .unwrap_err();
        assert!(error.to_string().contains("8090/tcp can't be listened on"), "{error}");
        drop(taken);
        let nowhere = |netns: &str| Wanted {
            port: 8091,
            netns: netns.into(),
            ..wanted.clone()
        };
        assert!(matches!(
            lab.forwards.add(nowhere("none")),
            Err(ForwardError::NoNamespace(_))
        ));
        assert!(matches!(
            lab.forwards.add(nowhere("later")),
            Err(ForwardError::NotReady(_))
        ));

        let mut stream = TcpStream::connect("127.0.0.1:8080").await.unwrap();
        stream.write_all(b"x").await.unwrap();
        stream.read_exact(&mut [0]).await.unwrap();
        lab.forwards.delete(8080, Protocol::Tcp).await.unwrap();
        assert!(matches!(stream.read(&mut [0]).await, Ok(0) | Err(_)));
        assert!(matches!(
            lab.forwards.delete(8080, Protocol::Tcp).await,
            Err(ForwardError::NotFound { .. })
        ));
        assert_eq!(
            TcpStream::connect("127.0.0.1:8080").await.unwrap_err().kind(),
            ErrorKind::ConnectionRefused
        );
        // One address alone.
        let one = Wanted {
            address: Some("10.0.0.1".parse().unwrap()),
            ..wanted.clone()
        };
        lab.forwards.add(one).unwrap();
        assert!(TcpStream::connect("127.0.0.1:8080").await.is_err());
        let mut stream = TcpStream::connect("10.0.0.1:8080").await.unwrap();
        assert_eq!(says(&mut stream, "one").await, "one");
        lab.forwards.close().await;
        assert!(matches!(lab.forwards.add(wanted), Err(ForwardError::Closed)));
        assert!(TcpStream::connect("10.0.0.1:8080").await.is_err());
        assert!(lab.store.read(|state| state.forwards.is_empty()));
    });
}

/// Bytes that differ from one place to the next and, begun at different places, from one connection to another.
fn pattern() -> Vec<u8> {
    let mut state = 0x1234_5678_u32;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[0]
    };
    (0..PATTERN + CHUNK).map(next).collect()
}

const CONNECTIONS: usize = 1000;
const CHUNK: usize = 64 * 1024;
const CHUNKS: usize = 8;
const PATTERN: usize = 65_521;

/// 1,000 connections at a time carry 512 KiB each, there and back: 1 GiB in all, every byte compared.
#[test]
fn a_thousand_connections_carry_a_gigabyte() {
    on_private_host(async |lab: Lab| {
        let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        setrlimit(Resource::RLIMIT_NOFILE, most, most).unwrap();
        lab.echo("10.0.0.2:80");
        lab.add(8080, Protocol::Tcp, "10.0.0.2:80");
        let pattern = Arc::new(pattern());
        let begin = Instant::now();
        let mut streams = Vec::new();
        for _ in 0..CONNECTIONS {
            streams.push(TcpStream::connect("127.0.0.1:8080").await.unwrap());
        }
        eventually("all stand", || lab.traffic(8080).active == CONNECTIONS as u64).await;
        let clients = streams.into_iter().enumerate().map(|(n, mut stream)| {
            let pattern = Arc::clone(&pattern);
            let at = move |chunk: usize| {
                let from = (n * 7919 + chunk * 104_729) % PATTERN;
                from..from + CHUNK
            };
            tokio::spawn(async move {
                let (mut from, mut to) = stream.split();
                let send = async {
                    for chunk in 0..CHUNKS {
                        to.write_all(&pattern[at(chunk)]).await.unwrap();
                    }
                    to.shutdown().await.unwrap();
                };
                let receive = async {
                    let mut buffer = vec![0; CHUNK];
                    for chunk in 0..CHUNKS {
                        from.read_exact(&mut buffer).await.unwrap();
                        assert!(buffer == pattern[at(chunk)], "connection {n}, chunk {chunk}");
                    }
                    assert_eq!(from.read(&mut buffer).await.unwrap(), 0);
                };
                tokio::join!(send, receive);
            })
        });
        for client in clients.collect::<Vec<_>>() {
            client.await.unwrap();
        }
        let seconds = begin.elapsed().as_secs_f64();
        eventually("all have ended", || lab.traffic(8080).active == 0).await;
        let traffic = lab.traffic(8080);
        let each_way = (CONNECTIONS * CHUNKS * CHUNK) as u64;
        assert_eq!(
            (traffic.bytes_in, traffic.bytes_out, traffic.failed),
            (each_way, each_way, 0)
        );
        println!(
            "{CONNECTIONS} connections, {} MiB in {seconds:.1} s",
            (2 * each_way) >> 20
        );
        lab.forwards.close().await;
    });
}
