//! Sessions: those that are open, those that are being opened, and how both end.

use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    time::Duration,
};

use tokio::time::Instant;

use super::{
    crypto::{Keys, random},
    handshake::Pending,
    packet::{Payload, Sealed, append_sealed},
    privilege::Privilege,
    rmcp,
    window::Window,
};
use crate::bmc::SessionGuard;

/// Sessions that can be open.
pub const MOST_SESSIONS: usize = 16;
/// Sessions that can be in the making; the oldest makes room.
const MOST_PENDING: usize = 32;
/// A session that is silent for so long has ended.
const SILENCE: Duration = Duration::from_secs(60);
/// So long may the making of a session take.
const HANDSHAKE: Duration = Duration::from_secs(30);

/// An open session.
pub struct Session {
    /// The BMC's number of it.
    pub id: u32,
    /// The client's number of it.
    pub client_id: u32,
    /// The client.
    pub remote: SocketAddr,
    /// A small number of it, for people.
    pub handle: u8,
    /// The account.
    pub account: u8,
    /// Its name when the session was opened: another name under that number is somebody else.
    pub name: String,
    /// The most it may do.
    pub limit: Privilege,
    /// What it may do now.
    pub privilege: Privilege,
    pub(super) keys: Keys,
    pub(super) inbound: Window,
    pub(super) outbound: u32,
    pub(super) heard: Instant,
    /// The last message of its making and the answer, should that have got lost.
    pub(super) welcome: (Vec<u8>, Vec<u8>),
    pub(super) _listed: SessionGuard,
}

impl Session {
    /// The payload of a packet that this session's client did send, and sent just now; `None`: it is to be ignored,
    /// whatever is wrong with it.
    pub fn unseal(&mut self, sealed: &Sealed<'_>, remote: SocketAddr, now: Instant) -> Option<Vec<u8>> {
        let suite = self.keys.suite();
        let (vouched, code) = sealed.authenticated(suite.code_length())?;
        let right = super::crypto::same(&self.keys.sign(vouched), code) && remote == self.remote;
        if !right || !self.inbound.admit(sealed.sequence) {
            return None;
        }
        self.heard = now;
        self.keys.decrypt(sealed.secret)
    }

    /// A whole packet with that payload; `None` if there are no random numbers.
    pub fn seal(&mut self, payload: Payload, body: &[u8]) -> Option<Vec<u8>> {
        let secret = self.keys.encrypt(body)?;
        self.outbound = self.outbound.checked_add(1).unwrap_or(1);
        let mut packet = rmcp::frame();
        let sign = |bytes: &[u8]| self.keys.sign(bytes);
        let mut session = Vec::new();
        append_sealed(payload, self.client_id, self.outbound, &secret, sign, &mut session);
        packet.extend(session);
        Some(packet)
    }
}

/// All sessions of a BMC.
#[derive(Default)]
pub struct Table {
    active: HashMap<u32, Session>,
    pending: VecDeque<Pending>,
    last_handle: u8,
}

impl Table {
    /// Open sessions, by handle.
    pub fn list(&self) -> Vec<&Session> {
        let mut all: Vec<_> = self.active.values().collect();
        all.sort_by_key(|session| session.handle);
        all
    }

    /// How many are open.
    pub fn len(&self) -> usize {
        self.active.len()
    }

    /// Takes a session out, to be put back unless it ends.
    pub fn take(&mut self, id: u32) -> Option<Session> {
        self.active.remove(&id)
    }

    /// Puts a session in, or back.
    pub fn put(&mut self, session: Session) {
        self.active.insert(session.id, session);
    }

    /// An open session.
    pub fn get(&mut self, id: u32) -> Option<&mut Session> {
        self.active.get_mut(&id)
    }

    /// A handle for a new session.
    pub(super) fn next_handle(&mut self) -> u8 {
        let taken = |handle: u8| self.active.values().any(|session| session.handle == handle);
        let mut handle = self.last_handle;
        loop {
            handle = handle.checked_add(1).unwrap_or(1);
            if !taken(handle) {
                self.last_handle = handle;
                return handle;
            }
        }
    }

    /// A number for a new session, which nobody can guess; `None` if there are no random numbers.
    pub(super) fn new_id(&self) -> Option<u32> {
        loop {
            let id = u32::from_le_bytes(random()?);
            let pending = self.pending.iter().any(|pending| pending.id == id);
            if id != 0 && !pending && !self.active.contains_key(&id) {
                return Some(id);
            }
        }
    }

    pub(super) fn add_pending(&mut self, pending: Pending) {
        if self.pending.len() == MOST_PENDING {
            self.pending.pop_front();
        }
        self.pending.push_back(pending);
    }

    pub(super) fn pending(&mut self, id: u32) -> Option<&mut Pending> {
        self.pending.iter_mut().find(|pending| pending.id == id)
    }

    pub(super) fn take_pending(&mut self, id: u32) -> Option<Pending> {
        let at = self.pending.iter().position(|pending| pending.id == id)?;
        self.pending.remove(at)
    }

    /// Ends those of which nothing was heard for too long.
    pub fn expire(&mut self, now: Instant) {
        self.active.retain(|_, session| session.heard + SILENCE > now);
        self.pending.retain(|pending| pending.begun + HANDSHAKE > now);
    }

    /// When the next one ends if nothing is heard; `None`: there is none.
    pub fn next_end(&self) -> Option<Instant> {
        let active = self.active.values().map(|session| session.heard + SILENCE);
        let pending = self.pending.iter().map(|pending| pending.begun + HANDSHAKE);
        active.chain(pending).min()
    }

    /// Ends all.
    pub fn clear(&mut self) {
        self.active.clear();
        self.pending.clear();
    }
}
