//! What a hostile or clumsy client may send, against the whole face but its socket.

use std::{net::SocketAddr, sync::Arc};

use futures::FutureExt as _;
use proptest::prelude::*;

use super::super::{
    crypto::{Keys, Suite},
    packet::{Payload, append_open, append_plain, append_sealed},
    rmcp,
    server::Server,
    session::MOST_SESSIONS,
};
use crate::{
    bmc::{
        Bmc, Place, Role, Verb,
        testing::{Scripted, bmc},
    },
    console::Console,
    store::{State, Store},
};

const GUID: usize = 16;

fn client(port: u16) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 9], port))
}

fn server(machine: &Arc<Scripted>) -> (Server, Arc<Bmc>) {
    let bmc = bmc(machine);
    let place = Place {
        address: [10, 0, 1, 11].into(),
        prefix: 24,
        mac: [2, 0, 0, 0, 0, 9],
    };
    (Server::new(Arc::clone(&bmc), place), bmc)
}

fn message(netfn: u8, command: u8, data: &[u8]) -> Vec<u8> {
    let sum = |bytes: &[u8]| bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_sub(*byte));
    let mut message = vec![0x20, netfn << 2, sum(&[0x20, netfn << 2]), 0x81, 0, command];
    message.extend(data);
    message.push(sum(&message[3..]));
    message
}

/// The other side of a session.
pub struct Client {
    from: SocketAddr,
    pub id: u32,
    keys: Keys,
    sequence: u32,
}

fn ask(server: &mut Server, from: SocketAddr, payload: Payload, body: &[u8]) -> Option<Vec<u8>> {
    let mut packet = rmcp::frame();
    append_open(payload, body, &mut packet);
    // Frame and header of the session.
    server.receive(&packet, from).map(|answer| answer[4 + 12..].to_vec())
}

fn open_request(suite: Suite) -> Vec<u8> {
    let mut request = vec![0, 4, 0, 0, 0xa0, 0xa1, 0xa2, 0xa3];
    for (kind, algorithm) in [(0, suite.authentication()), (1, suite.integrity()), (2, 1)] {
        request.extend([kind, 0, 0, 8, algorithm, 0, 0, 0]);
    }
    request
}

fn open(server: &mut Server, from: SocketAddr, suite: Suite) {
    let answer = ask(server, from, Payload::OpenRequest, &open_request(suite)).unwrap();
    assert_eq!(answer[1], 0, "{answer:x?}");
}

/// Signs in; the status of RAKP message 4 if that is refused.
fn sign_in(server: &mut Server, from: SocketAddr, name: &str, password: &str, role: u8) -> Result<Client, u8> {
    let server = std::cell::RefCell::new(server);
    let exchange = async |packet: Vec<u8>| server.borrow_mut().receive(&packet, from).unwrap();
    let signing = Box::pin(try_sign_in(from, name, password, role, exchange));
    signing.now_or_never().unwrap()
}

/// Signs in as administrator over whatever carries packets.
pub async fn sign_in_over(from: SocketAddr, exchange: impl AsyncFn(Vec<u8>) -> Vec<u8>) -> Client {
    try_sign_in(from, "cybozu", "cybozu", 4, exchange).await.ok().unwrap()
}

async fn try_sign_in(
    from: SocketAddr,
    name: &str,
    password: &str,
    role: u8,
    exchange: impl AsyncFn(Vec<u8>) -> Vec<u8>,
) -> Result<Client, u8> {
    let ask = async |payload, body: &[u8]| {
        let mut packet = rmcp::frame();
        append_open(payload, body, &mut packet);
        exchange(packet).await[4 + 12..].to_vec()
    };
    let suite = Suite::Sha256;
    let opened = ask(Payload::OpenRequest, &open_request(suite)).await;
    let id = u32::from_le_bytes(opened[8..12].try_into().unwrap());
    let (random, user) = (
        [7; 16],
        [&[role, u8::try_from(name.len()).unwrap()], name.as_bytes()].concat(),
    );
    let mut one = vec![0, 0, 0, 0];
    one.extend(id.to_le_bytes());
    one.extend(random);
    one.extend([role, 0, 0]);
    one.extend(&user[1..]);
    let two = ask(Payload::Rakp1, &one).await;
    assert_eq!(two[1], 0);
    let (theirs, guid) = (&two[8..24], &two[24..24 + GUID]);
    let client_id = [0xa0, 0xa1, 0xa2, 0xa3];
    let key = password.as_bytes();
    let mut three = vec![0, 0, 0, 0];
    three.extend(id.to_le_bytes());
    three.extend(suite.hmac(key, &[theirs, &client_id, &user]));
    let four = ask(Payload::Rakp3, &three).await;
    if four[1] != 0 {
        return Err(four[1]);
    }
    // As if the answer got lost: the same again.
    assert_eq!(ask(Payload::Rakp3, &three).await, four);
    let sik = suite.hmac(key, &[&random, theirs, &user]);
    assert_eq!(four[8..], suite.code(&sik, &[&random, &id.to_le_bytes(), guid]));
    Ok(Client {
        from,
        id,
        keys: Keys::derive(suite, &sik),
        sequence: 0,
    })
}

impl Client {
    pub fn packet(&mut self, netfn: u8, command: u8, data: &[u8]) -> Vec<u8> {
        self.sealed(Payload::Ipmi, &message(netfn, command, data))
    }

    fn sealed(&mut self, payload: Payload, body: &[u8]) -> Vec<u8> {
        self.sequence += 1;
        let secret = self.keys.encrypt(body).unwrap();
        let mut session = vec![];
        let sign = |bytes: &[u8]| self.keys.sign(bytes);
        append_sealed(payload, self.id, self.sequence, &secret, sign, &mut session);
        [rmcp::frame(), session].concat()
    }

    /// Completion code and data.
    fn ask(&mut self, server: &mut Server, netfn: u8, command: u8, data: &[u8]) -> Option<(u8, Vec<u8>)> {
        let packet = self.packet(netfn, command, data);
        let message = self.exchange(server, &packet)?;
        Some((message[6], message[7..message.len() - 1].to_vec()))
    }

    /// Types over LAN; the answer.
    fn type_in(&mut self, server: &mut Server, sequence: u8, text: &str) -> Option<Vec<u8>> {
        let packet = self.sealed(Payload::Sol, &[&[sequence, 0, 0, 0], text.as_bytes()].concat());
        self.exchange(server, &packet)
    }

    fn exchange(&self, server: &mut Server, packet: &[u8]) -> Option<Vec<u8>> {
        let answer = server.receive(packet, self.from)?;
        let length = usize::from(u16::from_le_bytes([answer[14], answer[15]]));
        self.keys.decrypt(&answer[16..16 + length])
    }
}

#[tokio::test]
async fn power_needs_a_session_and_the_privilege() {
    let machine = Scripted::new();
    let (mut server, _bmc) = server(&machine);
    let mut packet = rmcp::frame();
    append_plain(&message(0, 2, &[1]), &mut packet);
    let answer = server.receive(&packet, client(1)).unwrap();
    assert_eq!(answer[4 + 10 + 6], 0xd4);
    let mut reader = sign_in(&mut server, client(1), "reader", "reader", 2).ok().unwrap();
    assert_eq!(reader.ask(&mut server, 0, 1, &[]).unwrap().0, 0);
    assert_eq!(reader.ask(&mut server, 0, 2, &[1]).unwrap().0, 0xd4);
    assert_eq!(reader.ask(&mut server, 6, 0x3b, &[4]).unwrap().0, 0x81);
    let mut admin = sign_in(&mut server, client(2), "cybozu", "cybozu", 4).ok().unwrap();
    // Signed in, and not raised to operator yet.
    assert_eq!(admin.ask(&mut server, 0, 2, &[1]).unwrap().0, 0xd4);
    assert_eq!(admin.ask(&mut server, 6, 0x3b, &[4]).unwrap(), (0, vec![4]));
    assert_eq!(admin.ask(&mut server, 0, 2, &[1]).unwrap().0, 0);
    assert_eq!(admin.ask(&mut server, 0, 2, &[1]).unwrap().0, 0);
    assert_eq!(machine.acts(), [Verb::On, Verb::On]);
}

#[tokio::test]
async fn guesses_look_alike() {
    let (mut server, bmc) = server(&Scripted::new());
    let mut wrong = |name, password, role| sign_in(&mut server, client(1), name, password, role).err();
    assert_eq!(wrong("cybozu", "guess", 4), Some(0x0f));
    assert_eq!(wrong("nobody", "guess", 4), Some(0x0f));
    assert_eq!(wrong("", "", 4), Some(0x0f));
    // The right password, and more than it is good for.
    assert_eq!(wrong("reader", "reader", 4), Some(0x0a));
    assert!(bmc.sessions().list().is_empty());
}

#[tokio::test]
async fn replayed_forged_and_foreign_packets_are_ignored() {
    let machine = Scripted::new();
    let (mut server, _bmc) = server(&machine);
    let mut admin = sign_in(&mut server, client(1), "cybozu", "cybozu", 4).ok().unwrap();
    admin.ask(&mut server, 6, 0x3b, &[4]).unwrap();
    let packet = admin.packet(0, 2, &[1]);
    assert!(server.receive(&packet, client(2)).is_none(), "from another port");
    for at in 0..packet.len() {
        let mut forged = packet.clone();
        forged[at] ^= 1;
        assert!(at < 3 || server.receive(&forged, client(1)).is_none(), "byte {at}");
    }
    assert!(machine.acts().is_empty());
    assert!(server.receive(&packet, client(1)).is_some());
    assert!(server.receive(&packet, client(1)).is_none(), "a second time");
    assert_eq!(machine.acts(), [Verb::On]);
}

#[tokio::test]
async fn what_is_set_by_one_face_holds_for_all() {
    let (mut server, bmc) = server(&Scripted::new());
    let mut admin = sign_in(&mut server, client(1), "cybozu", "cybozu", 4).ok().unwrap();
    admin.ask(&mut server, 6, 0x3b, &[4]).unwrap();
    let field = |text: &str| {
        let mut bytes = text.as_bytes().to_vec();
        bytes.resize(16, 0);
        bytes
    };
    for (command, data) in [
        (0x45, [&[4], field("ada").as_slice()].concat()),
        (0x47, [&[4, 2], field("lovelace").as_slice()].concat()),
        (0x43, vec![0x91, 4, 3]),
        (0x47, vec![4, 1]),
    ] {
        assert_eq!(admin.ask(&mut server, 6, command, &data).unwrap().0, 0, "{command:#x}");
    }
    assert_eq!(
        bmc.accounts().sign_in("ada", b"lovelace").unwrap().role,
        Some(Role::Operator)
    );
    let mut ada = sign_in(&mut server, client(2), "ada", "lovelace", 3).ok().unwrap();
    assert_eq!(bmc.sessions().list().len(), 2);
    // Taken away by another face: the session is over.
    bmc.accounts().set_access(4, Some(Role::Operator), false).unwrap();
    assert!(ada.ask(&mut server, 6, 1, &[]).is_none());
    assert_eq!(bmc.sessions().list().len(), 1);
}

#[tokio::test]
async fn an_account_with_the_same_number_is_somebody_else() {
    let (mut server, bmc) = server(&Scripted::new());
    let mut admin = sign_in(&mut server, client(1), "cybozu", "cybozu", 4).ok().unwrap();
    admin.ask(&mut server, 6, 0x3b, &[4]).unwrap();
    let mut reader = sign_in(&mut server, client(2), "reader", "reader", 2).ok().unwrap();
    // The reader may not use Serial over LAN any more.
    assert_eq!(admin.ask(&mut server, 6, 0x4c, &[1, 0x43, 2, 0, 0, 0]).unwrap().0, 0);
    assert_eq!(admin.ask(&mut server, 6, 0x4d, &[1, 3]).unwrap().1[0], 0);
    assert!(bmc.accounts().remove(3));
    let id = bmc
        .accounts()
        .add("ada", "lovelace".into(), Role::Administrator)
        .unwrap();
    assert_eq!(id, 3);
    assert!(reader.ask(&mut server, 6, 1, &[]).is_none());
    assert_eq!(admin.ask(&mut server, 6, 0x4d, &[1, 3]).unwrap().1[0], 2);
}

#[tokio::test]
async fn who_may_not_any_more_types_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::new(State::default());
    let console = Console::open("node/x", &dir.path().join("socket"), &dir.path().join("log"), store).unwrap();
    let machine = Scripted::new();
    *machine.console.lock().unwrap() = Some(console.clone());
    for taken_away in ["role", "access"] {
        let (mut server, bmc) = server(&machine);
        let mut admin = sign_in(&mut server, client(1), "cybozu", "cybozu", 4).ok().unwrap();
        admin.ask(&mut server, 6, 0x3b, &[4]).unwrap();
        assert_eq!(admin.ask(&mut server, 6, 0x48, &[1, 1, 0xc0, 0, 0, 0]).unwrap().0, 0);
        assert_eq!(admin.type_in(&mut server, 1, "a").unwrap(), [0, 1, 1, 0]);
        if taken_away == "role" {
            bmc.accounts().set_access(2, Some(Role::ReadOnly), true).unwrap();
        } else {
            assert_eq!(admin.ask(&mut server, 6, 0x4c, &[1, 0x42, 2, 0, 0, 0]).unwrap().0, 0);
        }
        assert_eq!(
            admin.type_in(&mut server, 2, "b").unwrap(),
            [0, 0, 0, 0x10],
            "{taken_away}"
        );
        assert!(server.sol.is_none(), "{taken_away}");
    }
    console.close().await;
}

#[tokio::test(start_paused = true)]
async fn sessions_are_bounded_and_expire() {
    let (mut server, bmc) = server(&Scripted::new());
    for port in 0..1000 {
        open(&mut server, client(port), Suite::Sha1);
    }
    let count = u16::try_from(MOST_SESSIONS).unwrap();
    for port in 0..count {
        assert!(sign_in(&mut server, client(port), "cybozu", "cybozu", 4).is_ok());
    }
    let mut request = vec![0, 4, 0, 0, 0, 0, 0, 1];
    request.extend([0, 0, 0, 8, 1, 0, 0, 0, 1, 0, 0, 8, 1, 0, 0, 0, 2, 0, 0, 8, 1, 0, 0, 0]);
    assert_eq!(
        ask(&mut server, client(99), Payload::OpenRequest, &request).unwrap()[1],
        1
    );
    let end = server.table.next_end().unwrap();
    assert!(end - tokio::time::Instant::now() <= std::time::Duration::from_secs(60));
    server
        .table
        .expire(tokio::time::Instant::now() + std::time::Duration::from_secs(61));
    assert!(bmc.sessions().list().is_empty() && server.table.next_end().is_none());
}

#[tokio::test]
async fn anything_unknown_is_answered() {
    let (mut server, _bmc) = server(&Scripted::new());
    let mut admin = sign_in(&mut server, client(1), "cybozu", "cybozu", 4).ok().unwrap();
    admin.ask(&mut server, 6, 0x3b, &[4]).unwrap();
    // Group extensions (PICMG, DCMI), manufacturers', firmware, bridge.
    for (netfn, data) in [
        (0x2c, vec![0x00]),
        (0x2c, vec![0xdc]),
        (0x2e, vec![]),
        (0x30, vec![]),
        (8, vec![]),
        (2, vec![]),
    ] {
        assert_eq!(admin.ask(&mut server, netfn, 1, &data).unwrap().0, 0xc1, "{netfn:#x}");
    }
}

#[test]
fn whatever_an_administrator_sends_is_answered() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let _inside = runtime.enter();
    let (mut server, _bmc) = server(&Scripted::new());
    let mut admin = sign_in(&mut server, client(1), "cybozu", "cybozu", 4).ok().unwrap();
    admin.ask(&mut server, 6, 0x3b, &[4]).unwrap();
    let netfns = prop::sample::select(vec![0_u8, 4, 6, 0x0a, 0x0c, 0x2c]);
    let commands = (netfns, any::<u8>(), prop::collection::vec(any::<u8>(), 0..24));
    let strategy = prop::collection::vec(commands, 1..40);
    let server = std::sync::Mutex::new((server, admin));
    proptest!(|(commands in strategy)| {
        let (server, admin) = &mut *server.lock().unwrap();
        for (netfn, command, data) in commands {
            // Those end the session, or change whose it is.
            if matches!((netfn, command), (6, 2 | 3 | 0x3b | 0x3c | 0x40 | 0x43 | 0x45 | 0x47)) {
                continue;
            }
            prop_assert!(admin.ask(server, netfn, command, &data).is_some(), "{netfn:#x} {command:#x} {data:x?}");
        }
    });
}

proptest! {
    #[test]
    fn nothing_panics(
        packets in prop::collection::vec((0..6_u8, prop::collection::vec(any::<u8>(), 0..80)), 1..20),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let _inside = runtime.enter();
        let (mut server, _bmc) = server(&Scripted::new());
        open(&mut server, client(1), Suite::Sha1);
        for (kind, body) in packets {
            let mut packet = rmcp::frame();
            match kind {
                0 => packet = body,
                1 => packet.extend(body),
                2 => append_plain(&body, &mut packet),
                3 => append_open(Payload::Rakp1, &body, &mut packet),
                4 => append_open(Payload::Rakp3, &body, &mut packet),
                _ => append_sealed(Payload::Ipmi, 1, 1, &body, |_| vec![0; 12], &mut packet),
            }
            server.receive(&packet, client(1));
        }
    }
}
