//! The server: one task that has the socket, the sessions and all that IPMI alone knows.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use futures::stream::{FuturesUnordered, StreamExt as _};
use tokio::{net::UdpSocket, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{
    command::{self, Cx, Then},
    handshake::{Admission as _, Handshake},
    message,
    packet::{self, Packet, Payload, Sealed},
    rmcp::{self, Rmcp},
    session::{Session, Table},
    settings::Settings,
    sol::{self, Sol},
};
use crate::bmc::{Begun, Bmc, Place};

/// The port of RMCP.
pub const PORT: u16 = 623;
/// No packet for a BMC is longer, in bytes.
const LARGEST_PACKET: usize = 1024;
/// How often at most packets are complained of that are no good.
const COMPLAINTS: Duration = Duration::from_secs(10);

/// How long an answer waits for what was asked for, so that the power is then seen as it was to be. ipmitool asks again after a second
/// (`-N` of ipmitool(1)), ipmipower after 0.4 (`--retransmission-timeout` of ipmipower(8)).
const PATIENCE: Duration = Duration::from_millis(700);

/// Serves IPMI on a socket until it is cancelled, or the socket fails.
pub async fn serve(bmc: Arc<Bmc>, socket: UdpSocket, place: Place, closing: CancellationToken) -> io::Result<()> {
    let mut server = Server::new(bmc, place);
    let mut buffer = vec![0; LARGEST_PACKET];
    let mut waiting = FuturesUnordered::new();
    loop {
        let end = server.table.next_end();
        let (to, packet) = tokio::select! {
            () = closing.cancelled() => return Ok(()),
            received = socket.recv_from(&mut buffer) => {
                let (length, from) = received?;
                // One that fills the buffer was longer.
                let packet = if length < LARGEST_PACKET { server.receive(&buffer[..length], from) } else { None };
                if let Some((to, farewell)) = server.farewell.take() {
                    send(&socket, to, &farewell).await;
                }
                if let Some(begun) = server.begun.take() {
                    waiting.push(async move {
                        // A failure is logged; the answer says that it was begun.
                        let _ = begun.end_within(PATIENCE).await;
                        (from, packet)
                    });
                    continue;
                }
                (from, packet)
            }
            Some(answer) = waiting.next() => answer,
            body = due(server.sol.as_mut()) => match server.wrap_sol(&body) {
                Some((to, packet)) => (to, Some(packet)),
                None => continue,
            },
            () = until(end) => {
                server.expire();
                continue;
            }
        };
        if let Some(packet) = packet {
            send(&socket, to, &packet).await;
        }
    }
}

/// A client that can't be reached is one that didn't get a packet: it asks again.
async fn send(socket: &UdpSocket, to: SocketAddr, packet: &[u8]) {
    if let Err(error) = socket.send_to(packet, to).await {
        tracing::debug!("an IPMI packet could not be sent to {to}: {error}");
    }
}

async fn due(sol: Option<&mut Sol>) -> Vec<u8> {
    match sol {
        Some(sol) => sol.due().await,
        None => std::future::pending().await,
    }
}

async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// The face as a function from packets to packets.
pub(super) struct Server {
    bmc: Arc<Bmc>,
    place: Place,
    settings: Settings,
    pub(super) table: Table,
    pub(super) sol: Option<Sol>,
    /// What is to be told to another session than the one that asked.
    farewell: Option<(SocketAddr, Vec<u8>)>,
    /// What the last answer waits for.
    begun: Option<Begun>,
    ignored: u64,
    complained: Option<Instant>,
}

impl Server {
    pub(super) fn new(bmc: Arc<Bmc>, place: Place) -> Self {
        Self {
            bmc,
            place,
            settings: Settings::default(),
            table: Table::default(),
            sol: None,
            farewell: None,
            begun: None,
            ignored: 0,
            complained: None,
        }
    }

    /// Takes a packet and returns the answer to it, if it gets one.
    pub(super) fn receive(&mut self, packet: &[u8], from: SocketAddr) -> Option<Vec<u8>> {
        let answer = self.answer(packet, from);
        if answer.is_err() {
            self.complain(from);
        }
        answer.ok().flatten()
    }

    /// The answer; `Err` for what is ignored because it is no good.
    fn answer(&mut self, packet: &[u8], from: SocketAddr) -> Result<Option<Vec<u8>>, ()> {
        let ipmi = match rmcp::parse(packet).ok_or(())? {
            Rmcp::Ping(tag) => return Ok(Some(rmcp::pong(tag))),
            Rmcp::Ipmi(packet) => packet::parse(packet).ok_or(())?,
        };
        self.settings.follow(&self.bmc.accounts().list());
        let mut answer = rmcp::frame();
        match ipmi {
            Packet::Plain(message) => packet::append_plain(&self.outside(message)?, &mut answer),
            Packet::Open(Payload::Ipmi, message) => {
                packet::append_open(Payload::Ipmi, &self.outside(message)?, &mut answer);
            }
            Packet::Open(payload, body) => {
                let mut handshake = Handshake {
                    bmc: &self.bmc,
                    table: &mut self.table,
                    admission: &self.settings,
                    remote: from,
                    now: Instant::now(),
                };
                let (payload, body) = match payload {
                    Payload::OpenRequest => (Payload::OpenResponse, handshake.open(body)),
                    Payload::Rakp1 => (Payload::Rakp2, handshake.challenge(body)),
                    Payload::Rakp3 => (Payload::Rakp4, handshake.finish(body)),
                    _ => return Err(()),
                };
                packet::append_open(payload, &body.ok_or(())?, &mut answer);
            }
            Packet::Sealed(sealed) => {
                let mut session = self.table.take(sealed.session).ok_or(())?;
                let outcome = self.inside(&mut session, &sealed, from);
                let then = outcome.as_ref().map_or(Then::Nothing, |(_, then)| *then);
                self.after(then);
                // Also after a reset, so that the client can still close it.
                if then != Then::Close {
                    self.table.put(session);
                }
                self.end_sol();
                return outcome.map(|(answer, _)| answer);
            }
        }
        Ok(Some(answer))
    }

    /// Answers a message outside of any session.
    fn outside(&mut self, message: &[u8]) -> Result<Vec<u8>, ()> {
        let request = message::parse(message).ok_or(())?;
        let mut cx = self.context(None);
        let reply = command::run(&mut cx, &request);
        Ok(request.answer(&reply))
    }

    /// Answers what came in a session.
    fn inside(
        &mut self,
        session: &mut Session,
        sealed: &Sealed<'_>,
        from: SocketAddr,
    ) -> Result<(Option<Vec<u8>>, Then), ()> {
        let body = session.unseal(sealed, from, Instant::now()).ok_or(())?;
        let account = self.bmc.accounts().signed_in(session.account, &session.name);
        let Some(limit) = account.and_then(|account| self.settings.limit(&account)) else {
            // Whoever it belongs to may not sign in any more.
            return Ok((None, Then::Close));
        };
        session.limit = session.limit.min(limit);
        session.privilege = session.privilege.min(limit);
        match sealed.payload {
            Payload::Ipmi => {
                let request = message::parse(&body).ok_or(())?;
                let console = self.sol.as_ref().map(Sol::session);
                let mut cx = self.context(Some(session));
                let reply = command::run(&mut cx, &request);
                let then = cx.then;
                let answer = session.seal(Payload::Ipmi, &request.answer(&reply));
                if let Some(owner) = console.filter(|owner| self.sol.is_none() && *owner != session.id) {
                    let owner = self.table.get(owner);
                    self.farewell =
                        owner.and_then(|owner| Some((owner.remote, owner.seal(Payload::Sol, &sol::farewell())?)));
                }
                Ok((answer, then))
            }
            Payload::Sol => {
                let admitted = self.settings.admits_to_console(session.account, session.privilege);
                let sol = self.sol.as_mut().filter(|sol| sol.session() == session.id).ok_or(())?;
                if !admitted {
                    // Taken away since it was activated.
                    self.sol = None;
                    return Ok((session.seal(Payload::Sol, &sol::farewell()), Then::Nothing));
                }
                let answer = sol.receive(&body).and_then(|body| session.seal(Payload::Sol, &body));
                Ok((answer, Then::Nothing))
            }
            _ => Err(()),
        }
    }

    fn context<'a>(&'a mut self, session: Option<&'a mut Session>) -> Cx<'a> {
        Cx {
            bmc: &self.bmc,
            place: &self.place,
            settings: &mut self.settings,
            table: &mut self.table,
            sol: &mut self.sol,
            begun: &mut self.begun,
            session,
            then: Then::Nothing,
        }
    }

    fn after(&mut self, then: Then) {
        match then {
            Then::Nothing | Then::Close => {}
            Then::Reset(cold) => {
                self.table.clear();
                self.sol = None;
                if cold {
                    self.settings = Settings::default();
                }
            }
        }
    }

    /// Ends Serial over LAN with its session.
    fn end_sol(&mut self) {
        let (sol, table) = (&mut self.sol, &mut self.table);
        sol.take_if(|sol| table.get(sol.session()).is_none());
    }

    fn expire(&mut self) {
        self.table.expire(Instant::now());
        self.end_sol();
    }

    /// A packet of Serial over LAN for whoever has it.
    fn wrap_sol(&mut self, body: &[u8]) -> Option<(SocketAddr, Vec<u8>)> {
        let id = self.sol.as_ref()?.session();
        let session = self.table.get(id)?;
        Some((session.remote, session.seal(Payload::Sol, body)?))
    }

    /// Tells of packets that are no good, seldom: who sends them decides how many there are.
    fn complain(&mut self, from: SocketAddr) {
        self.ignored += 1;
        let now = Instant::now();
        if self.complained.is_none_or(|last| last + COMPLAINTS <= now) {
            let (node, ignored) = (&self.bmc.identity().node, self.ignored);
            tracing::warn!(
                node,
                ignored,
                "the BMC ignores IPMI packets that are no good, the last one from {from}"
            );
            (self.complained, self.ignored) = (Some(now), 0);
        }
    }
}
