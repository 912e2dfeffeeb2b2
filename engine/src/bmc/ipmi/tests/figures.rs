//! How fast the face is and how much memory a BMC takes; run by `make bench`.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::net::UdpSocket;
use tokio_util::sync::CancellationToken;

use super::hostile::{Client, sign_in_over};
use crate::bmc::{
    Bmc, Place,
    ipmi::serve,
    testing::{Scripted, bmc, resident},
};

/// How many BMCs one lab has.
const MANY: usize = 100;

async fn start(closing: &CancellationToken) -> (Arc<Bmc>, SocketAddr) {
    let bmc = bmc(&Scripted::new());
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = socket.local_addr().unwrap();
    let place = Place {
        address: address.ip(),
        prefix: 8,
        mac: [2, 0, 0, 0, 0, 1],
    };
    tokio::spawn(serve(Arc::clone(&bmc), socket, place, closing.clone()));
    (bmc, address)
}

async fn connect(bmc: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    socket.connect(bmc).await.unwrap();
    socket
}

async fn exchange(socket: &UdpSocket, packet: &[u8]) -> Vec<u8> {
    let mut buffer = [0; 1024];
    socket.send(packet).await.unwrap();
    let length = socket.recv(&mut buffer).await.unwrap();
    buffer[..length].to_vec()
}

async fn sign_in(socket: &UdpSocket) -> Client {
    sign_in_over(socket.local_addr().unwrap(), async |packet| {
        exchange(socket, &packet).await
    })
    .await
}

#[tokio::test]
#[ignore = "measures"]
#[allow(clippy::cast_precision_loss, clippy::print_stdout, reason = "figures for people")]
async fn figures() {
    const TIME: Duration = Duration::from_secs(3);
    let closing = CancellationToken::new();
    let before = resident();
    let mut all = vec![];
    for _ in 0..MANY {
        all.push(start(&closing).await);
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    println!("memory of an idle BMC: {} KiB", (resident() - before) / MANY / 1024);
    for count in [1, MANY] {
        let bmcs = &all[..count];
        let mut clients = vec![];
        for (_, address) in bmcs {
            let socket = connect(*address).await;
            let client = sign_in(&socket).await;
            clients.push((socket, client));
        }
        let (begun, mut requests) = (Instant::now(), 0);
        while begun.elapsed() < TIME {
            for (socket, client) in &mut clients {
                let packet = client.packet(0, 1, &[]);
                assert!(!exchange(socket, &packet).await.is_empty());
                requests += 1;
            }
        }
        let rate = f64::from(requests) / begun.elapsed().as_secs_f64();
        println!("{count} BMCs: {rate:.0} status requests a second, one at a time");
        let (begun, mut cycles) = (Instant::now(), 0);
        while begun.elapsed() < TIME {
            for (_, address) in bmcs {
                let socket = connect(*address).await;
                let mut client = sign_in(&socket).await;
                let id = client.id.to_le_bytes();
                let packet = client.packet(6, 0x3c, &id);
                assert!(!exchange(&socket, &packet).await.is_empty());
                cycles += 1;
            }
        }
        let rate = f64::from(cycles) / begun.elapsed().as_secs_f64();
        println!("{count} BMCs: {rate:.0} cycles from login to logout a second");
    }
    closing.cancel();
}
