//! How fast the face is and how much memory a BMC with it takes; run by `make bench`.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    time::{Duration, Instant},
};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, pem::PemObject as _},
};

use crate::bmc::{
    redfish::testing::{Served, served},
    testing::{Scripted, identity, resident},
};

/// How many BMCs one lab has.
const MANY: usize = 100;
/// How long each figure is measured.
const TIME: Duration = Duration::from_secs(3);

/// A connection to a BMC, which checks its certificate.
fn connect(address: SocketAddr, ca: &CertificateDer<'static>) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(ca.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let client = ClientConnection::new(Arc::new(config), address.ip().into()).unwrap();
    StreamOwned::new(client, stream)
}

/// Sends a request and reads the answer; returns its head and body.
fn exchange(stream: &mut (impl Read + Write), request: &str) -> (String, Vec<u8>) {
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let mut buffer = [0; 16384];
    loop {
        let count = stream.read(&mut buffer).unwrap();
        assert_ne!(count, 0, "the connection ended");
        answer.extend_from_slice(&buffer[..count]);
        let Some(end) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8(answer[..end].to_vec()).unwrap().to_lowercase();
        let length = head
            .split("content-length: ")
            .nth(1)
            .map_or("0", |rest| rest.lines().next().unwrap());
        if answer.len() == end + 4 + length.parse::<usize>().unwrap() {
            return (head, answer.split_off(end + 4));
        }
    }
}

/// GETs of the system a second, over one connection to each BMC, one at a time.
#[allow(clippy::cast_precision_loss)]
fn rate(
    bmcs: &[(SocketAddr, CertificateDer<'static>)],
    header: impl Fn(SocketAddr, &CertificateDer<'static>) -> String,
) -> f64 {
    let connected = bmcs
        .iter()
        .map(|(address, ca)| (connect(*address, ca), header(*address, ca)));
    let mut clients: Vec<_> = connected.collect();
    let (begun, mut requests) = (Instant::now(), 0_u32);
    while begun.elapsed() < TIME {
        for (stream, header) in &mut clients {
            let request =
                format!("GET /redfish/v1/Systems/System.Embedded.1 HTTP/1.1\r\nHost: bmc\r\n{header}\r\n\r\n");
            let (head, body) = exchange(stream, &request);
            assert!(head.starts_with("http/1.1 200") && body.ends_with(b"}"), "{head}");
            requests += 1;
        }
    }
    f64::from(requests) / begun.elapsed().as_secs_f64()
}

/// The header of a new session.
fn token(address: SocketAddr, ca: &CertificateDer<'static>) -> String {
    let body = "{\"UserName\":\"cybozu\",\"Password\":\"cybozu\"}";
    let request = format!(
        "POST /redfish/v1/SessionService/Sessions HTTP/1.1\r\nHost: bmc\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let (head, _) = exchange(&mut connect(address, ca), &request);
    let token = head.split("x-auth-token: ").nth(1).unwrap().lines().next().unwrap();
    format!("X-Auth-Token: {token}")
}

#[test]
#[ignore = "measures"]
#[allow(clippy::print_stdout, reason = "figures for people")]
fn figures() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let before = resident();
    let all: Vec<Served> = runtime.block_on(async {
        let mut all = Vec::new();
        for _ in 0..MANY {
            all.push(served(&Scripted::new(), identity()).await);
        }
        all
    });
    println!(
        "memory of an idle BMC with Redfish over TLS: {} KiB",
        (resident() - before) / MANY / 1024
    );
    let bmcs: Vec<_> = all
        .iter()
        .map(|served| (served.address, CertificateDer::from_pem_file(served.ca.path()).unwrap()))
        .collect();
    for count in [1, MANY] {
        let basic = rate(&bmcs[..count], |_, _| {
            "Authorization: Basic Y3lib3p1OmN5Ym96dQ==".into()
        });
        println!("{count} BMCs: {basic:.0} GETs of a system a second with basic authentication, one at a time");
        let session = rate(&bmcs[..count], token);
        println!("{count} BMCs: {session:.0} GETs of a system a second with a token, one at a time");
    }
    let (address, ca) = &bmcs[0];
    let (begun, mut connections) = (Instant::now(), 0_u32);
    while begun.elapsed() < TIME {
        exchange(
            &mut connect(*address, ca),
            "GET /redfish/v1 HTTP/1.1\r\nHost: bmc\r\n\r\n",
        );
        connections += 1;
    }
    let rate = f64::from(connections) / begun.elapsed().as_secs_f64();
    println!("{rate:.0} TLS connections a second with a GET of the root each, one at a time");
}
