//! Packets of IPMI out of any bytes, some of them as a client sends them that has signed in.

use std::{net::SocketAddr, sync::Arc};

use jiff::Timestamp;
use tokio::time::Instant;

use super::{
    crypto::{Keys, Suite},
    packet::{Payload, append_sealed},
    privilege::Privilege,
    rmcp,
    server::Server,
    session::Session,
    window::Window,
};
use crate::bmc::{self, Bmc, Face, Place, Role};

const CLIENT: ([u8; 4], u16) = ([10, 0, 1, 9], 40000);
const SESSION: u32 = 1;
const SECRET: &[u8] = &[7; 32];
/// What marks a message of a session, and what a packet of Serial over LAN there.
const MESSAGE: u8 = 1;
const SOL: u8 = 2;

/// Sends what the bytes say: each packet is a byte that says of which kind it is, one with its length, and its content. A message of
/// a session has the group of its function and its command first; what surrounds it is made right, as no fuzzer could.
pub fn send(input: &[u8], bmc: Arc<Bmc>, place: Place) {
    let from = SocketAddr::from(CLIENT);
    let mut server = Server::new(Arc::clone(&bmc), place);
    server.table.put(session(&bmc, from));
    let (mut rest, mut sequence) = (input, 0);
    while let [kind, length, more @ ..] = rest {
        let (content, behind) = more.split_at(usize::from(*length).min(more.len()));
        rest = behind;
        sequence += 1;
        let packet = match (*kind, content) {
            (MESSAGE, [function, command, data @ ..]) => {
                sealed(Payload::Ipmi, &message(*function, *command, data), sequence)
            }
            (SOL, _) => sealed(Payload::Sol, content, sequence),
            _ => Some(content.to_vec()),
        };
        if let Some(packet) = packet {
            server.receive(&packet, from);
        }
    }
}

fn session(bmc: &Arc<Bmc>, remote: SocketAddr) -> Session {
    Session {
        id: SESSION,
        client_id: 2,
        remote,
        handle: 1,
        // The first one there is.
        account: 2,
        name: bmc.accounts().get(2).map(|account| account.name).unwrap_or_default(),
        limit: Privilege::Administrator,
        privilege: Privilege::Administrator,
        keys: Keys::derive(Suite::Sha256, SECRET),
        inbound: Window::default(),
        outbound: 0,
        heard: Instant::now(),
        welcome: (vec![], vec![]),
        _listed: bmc.sessions().add(bmc::Session {
            face: Face::Ipmi,
            user: "cybozu".into(),
            role: Role::Administrator,
            remote: remote.ip(),
            since: Timestamp::now(),
        }),
    }
}

fn message(function: u8, command: u8, data: &[u8]) -> Vec<u8> {
    let sum = |bytes: &[u8]| bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_sub(*byte));
    let mut message = vec![0x20, function, sum(&[0x20, function]), 0x81, 0, command];
    message.extend(data);
    message.push(sum(&message[3..]));
    message
}

fn sealed(payload: Payload, body: &[u8], sequence: u32) -> Option<Vec<u8>> {
    let keys = Keys::derive(Suite::Sha256, SECRET);
    let secret = keys.encrypt(body)?;
    let mut packet = rmcp::frame();
    let mut session = Vec::new();
    append_sealed(
        payload,
        SESSION,
        sequence,
        &secret,
        |bytes| keys.sign(bytes),
        &mut session,
    );
    packet.extend(session);
    Some(packet)
}
