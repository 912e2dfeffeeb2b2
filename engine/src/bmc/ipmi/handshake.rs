//! Opening a session: the open request and the four RAKP messages.
//!
//! A client that guesses names learns nothing: a name that is unknown gets the same answers as a wrong password.

use std::net::SocketAddr;

use jiff::Timestamp;
use tokio::time::Instant;

use super::{
    crypto::{AES_CBC_128, Keys, Suite, random, same},
    privilege::Privilege,
    session::{MOST_SESSIONS, Session, Table},
    window::Window,
};
use crate::bmc::{Account, Bmc, Face, LONGEST_NAME, Session as Listed};

/// Status codes of RMCP+ and RAKP.
mod status {
    pub const DONE: u8 = 0x00;
    pub const NO_RESOURCES: u8 = 0x01;
    pub const INVALID_SESSION: u8 = 0x02;
    pub const INVALID_ROLE: u8 = 0x09;
    pub const ROLE_REFUSED: u8 = 0x0a;
    pub const NAME_LENGTH: u8 = 0x0c;
    pub const WRONG_CODE: u8 = 0x0f;
    pub const NO_SUITE: u8 = 0x11;
}

/// A session in the making.
pub struct Pending {
    /// The BMC's number of it.
    pub id: u32,
    client_id: u32,
    remote: SocketAddr,
    suite: Suite,
    pub(super) begun: Instant,
    challenge: Option<Challenge>,
}

/// What was said in RAKP messages 1 and 2.
struct Challenge {
    client_random: [u8; 16],
    bmc_random: [u8; 16],
    role: u8,
    name: Vec<u8>,
    /// The password, or what stands for that of nobody.
    key: Vec<u8>,
    account: Option<Account>,
}

impl Challenge {
    /// How messages name user and role.
    fn user(&self) -> Vec<u8> {
        let length = u8::try_from(self.name.len()).unwrap_or_default();
        [&[self.role, length], self.name.as_slice()].concat()
    }
}

/// Who may sign in how, beyond what accounts say.
pub trait Admission {
    /// The most that an account may do over the LAN; `None`: nothing at all.
    fn limit(&self, account: &Account) -> Option<Privilege>;
}

/// The BMC's side of opening sessions.
pub struct Handshake<'a, A> {
    pub bmc: &'a Bmc,
    pub table: &'a mut Table,
    pub admission: &'a A,
    pub remote: SocketAddr,
    pub now: Instant,
}

impl<A: Admission> Handshake<'_, A> {
    /// Answers an open request.
    pub fn open(&mut self, body: &[u8]) -> Option<Vec<u8>> {
        let (&[tag, role, _, _, c0, c1, c2, c3], proposals) = body.split_first_chunk::<8>()?;
        let client_id = u32::from_le_bytes([c0, c1, c2, c3]);
        let refuse = |status| Some(refusal(tag, status, client_id));
        if Privilege::from_number(role & 0xf).is_none() && role & 0xf != 0 {
            return refuse(status::INVALID_ROLE);
        }
        let Some(suite) = choose(proposals) else {
            return refuse(status::NO_SUITE);
        };
        if self.table.len() >= MOST_SESSIONS {
            return refuse(status::NO_RESOURCES);
        }
        let id = self.table.new_id()?;
        self.table.add_pending(Pending {
            id,
            client_id,
            remote: self.remote,
            suite,
            begun: self.now,
            challenge: None,
        });
        let most = match role & 0xf {
            0 => Privilege::Administrator.number(),
            wanted => wanted,
        };
        let mut answer = vec![tag, status::DONE, most, 0];
        answer.extend(client_id.to_le_bytes());
        answer.extend(id.to_le_bytes());
        for (kind, algorithm) in [(0, suite.authentication()), (1, suite.integrity()), (2, AES_CBC_128)] {
            answer.extend([kind, 0, 0, 8, algorithm, 0, 0, 0]);
        }
        Some(answer)
    }

    /// Answers RAKP message 1 with message 2.
    pub fn challenge(&mut self, body: &[u8]) -> Option<Vec<u8>> {
        let (&[tag, _, _, _, i0, i1, i2, i3], rest) = body.split_first_chunk::<8>()?;
        let (client_random, rest) = rest.split_first_chunk::<16>()?;
        let (&[role, _, _, length], name) = rest.split_first_chunk::<4>()?;
        let id = u32::from_le_bytes([i0, i1, i2, i3]);
        let remote = self.remote;
        let Some(pending) = self.table.pending(id).filter(|pending| pending.remote == remote) else {
            return Some(refusal(tag, status::INVALID_SESSION, 0));
        };
        let client_id = pending.client_id;
        let length = usize::from(length);
        if length > LONGEST_NAME || length > name.len() {
            return Some(refusal(tag, status::NAME_LENGTH, client_id));
        }
        let name = &name[..length];
        // Asked again because the answer got lost: the same answer.
        let asked_again = pending
            .challenge
            .as_ref()
            .is_some_and(|known| known.client_random == *client_random && known.role == role && known.name == name);
        if !asked_again {
            let account = std::str::from_utf8(name)
                .ok()
                .and_then(|name| self.bmc.accounts().named(name));
            let account = account.filter(Account::is_usable);
            let key = match account.as_ref().and_then(|account| account.password.as_ref()) {
                Some(password) => password.bytes().to_vec(),
                None => random::<20>()?.to_vec(),
            };
            pending.challenge = Some(Challenge {
                client_random: *client_random,
                bmc_random: random()?,
                role,
                name: name.to_vec(),
                key,
                account,
            });
        }
        let challenge = pending.challenge.as_ref()?;
        let guid = guid(self.bmc);
        let code = pending.suite.hmac(
            &challenge.key,
            &[
                &client_id.to_le_bytes(),
                &id.to_le_bytes(),
                &challenge.client_random,
                &challenge.bmc_random,
                &guid,
                &challenge.user(),
            ],
        );
        let mut answer = vec![tag, status::DONE, 0, 0];
        answer.extend(client_id.to_le_bytes());
        answer.extend(challenge.bmc_random);
        answer.extend(guid);
        answer.extend(code);
        Some(answer)
    }

    /// Answers RAKP message 3 with message 4; the session is open then, if its code is right.
    pub fn finish(&mut self, body: &[u8]) -> Option<Vec<u8>> {
        let (&[tag, failed, _, _, i0, i1, i2, i3], code) = body.split_first_chunk::<8>()?;
        let id = u32::from_le_bytes([i0, i1, i2, i3]);
        if let Some(session) = self.table.get(id) {
            let again = session.remote == self.remote && session.welcome.0 == body;
            return again.then(|| session.welcome.1.clone());
        }
        let known = self
            .table
            .pending(id)
            .is_some_and(|pending| pending.remote == self.remote);
        let pending = if known { self.table.take_pending(id) } else { None };
        let Some((pending, challenge)) = pending.and_then(|mut pending| {
            let challenge = pending.challenge.take()?;
            Some((pending, challenge))
        }) else {
            return Some(refusal(tag, status::INVALID_SESSION, 0));
        };
        if failed != status::DONE {
            // The client has given up.
            return None;
        }
        let (suite, client_id) = (pending.suite, pending.client_id);
        let user = challenge.user();
        let expected = suite.hmac(
            &challenge.key,
            &[&challenge.bmc_random, &client_id.to_le_bytes(), &user],
        );
        let right = same(&expected, code);
        let Some(account) = challenge.account.filter(|_| right) else {
            return Some(refusal(tag, status::WRONG_CODE, client_id));
        };
        let asked = challenge.role & 0xf;
        let allowed = self
            .admission
            .limit(&account)
            .and_then(|limit| match Privilege::from_number(asked) {
                None => Some(limit),
                Some(wanted) => (wanted <= limit).then_some(wanted),
            });
        let Some(limit) = allowed else {
            return Some(refusal(tag, status::ROLE_REFUSED, client_id));
        };
        if self.table.len() >= MOST_SESSIONS {
            return Some(refusal(tag, status::NO_RESOURCES, client_id));
        }
        let parts: [&[u8]; 3] = [&challenge.client_random, &challenge.bmc_random, &user];
        let sik = suite.hmac(&challenge.key, &parts);
        let proof = suite.code(&sik, &[&challenge.client_random, &id.to_le_bytes(), &guid(self.bmc)]);
        let mut answer = vec![tag, status::DONE, 0, 0];
        answer.extend(client_id.to_le_bytes());
        answer.extend(proof);
        let handle = self.table.next_handle();
        self.table.put(Session {
            id,
            client_id,
            remote: self.remote,
            handle,
            account: account.id,
            name: account.name.clone(),
            limit,
            privilege: limit.min(Privilege::User),
            keys: Keys::derive(suite, &sik),
            inbound: Window::default(),
            outbound: 0,
            heard: self.now,
            welcome: (body.to_vec(), answer.clone()),
            _listed: self.bmc.sessions().add(Listed {
                face: Face::Ipmi,
                user: account.name,
                role: limit.role(),
                remote: self.remote.ip(),
                since: Timestamp::now(),
            }),
        });
        Some(answer)
    }
}

/// The machine's UUID as IPMI sends it: the last byte first.
pub fn guid(bmc: &Bmc) -> [u8; 16] {
    let mut guid = bmc.identity().uuid;
    guid.reverse();
    guid
}

/// An answer that says no.
fn refusal(tag: u8, status: u8, client_id: u32) -> Vec<u8> {
    let mut answer = vec![tag, status, 0, 0];
    answer.extend(client_id.to_le_bytes());
    answer
}

/// The suite that a client proposes, if it is spoken here. A proposal without a length leaves the choice to the BMC.
fn choose(proposals: &[u8]) -> Option<Suite> {
    let mut wanted = [None; 3];
    let (chunks, _) = proposals.as_chunks::<8>();
    for (slot, proposal) in wanted.iter_mut().zip(chunks) {
        *slot = Some(proposal);
    }
    let fits = |kind: u8, algorithm: u8| match wanted.get(usize::from(kind)) {
        Some(Some([found, _, _, 0, ..])) => *found == kind,
        Some(Some([found, _, _, 8, proposed, ..])) => *found == kind && proposed & 0x3f == algorithm,
        _ => false,
    };
    Suite::ALL
        .into_iter()
        .find(|suite| fits(0, suite.authentication()) && fits(1, suite.integrity()) && fits(2, AES_CBC_128))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proposal(kind: u8, algorithm: u8) -> [u8; 8] {
        [kind, 0, 0, 8, algorithm, 0, 0, 0]
    }

    #[test]
    fn only_whole_suites_are_chosen() {
        let choose = |a, i, c| choose(&[proposal(0, a), proposal(1, i), proposal(2, c)].concat());
        assert_eq!(choose(1, 1, 1), Some(Suite::Sha1));
        assert_eq!(choose(3, 4, 1), Some(Suite::Sha256));
        // Suites 0, 1 and 2, and a mixture.
        for (a, i, c) in [(0, 0, 0), (1, 0, 0), (1, 1, 0), (1, 4, 1)] {
            assert_eq!(choose(a, i, c), None);
        }
    }

    #[test]
    fn a_client_may_leave_the_choice() {
        let open = |kind| [kind, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(choose(&[open(0), open(1), open(2)].concat()), Some(Suite::Sha256));
        assert_eq!(choose(&[open(0), open(1)].concat()), None);
    }
}
