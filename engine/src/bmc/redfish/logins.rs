//! Sessions: a token for name and password, until it is given back or not used for a while.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::{Redfish, caller::Origin};
use crate::bmc::{Account, Bmc, Face, Secret, Session, SessionGuard};

/// Sessions at a time.
const LIMIT: usize = 32;
/// Seconds a session may be idle, unless that is changed.
const DEFAULT_TIMEOUT: u64 = 1800;
/// What it can be changed to.
pub const TIMEOUTS: std::ops::RangeInclusive<u64> = 30..=86400;
/// How often wrong passwords are noted in the log.
const NOTE_EVERY: Duration = Duration::from_secs(1);

/// The sessions of a BMC over Redfish.
#[derive(Debug)]
pub struct Logins {
    sessions: Mutex<BTreeMap<u64, Login>>,
    last: AtomicU64,
    timeout: AtomicU64,
    noted: Mutex<Option<Instant>>,
}

#[derive(Debug)]
struct Login {
    account: u8,
    name: String,
    token: Secret,
    since: Timestamp,
    origin: Origin,
    used: Instant,
    _listed: SessionGuard,
    /// Ends with the session.
    _expiry: AbortOnDropHandle<()>,
}

/// A session, as it is shown.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Its id.
    pub id: String,
    /// The account's number.
    pub account: u8,
    /// The account's name.
    pub name: String,
    /// When it began.
    pub since: Timestamp,
    /// From where.
    pub origin: Origin,
}

impl Default for Logins {
    fn default() -> Self {
        Self {
            sessions: Mutex::default(),
            last: AtomicU64::new(0),
            timeout: AtomicU64::new(DEFAULT_TIMEOUT),
            noted: Mutex::default(),
        }
    }
}

impl Logins {
    /// Begins a session of an account, which was checked; returns its id and token. `None`: there are too many.
    pub fn begin(&self, redfish: &Arc<Redfish>, account: &Account, origin: Origin) -> Option<(String, String)> {
        let role = account.role?;
        let token = random_token()?;
        let since = Timestamp::now();
        let listed = redfish.bmc().sessions().add(Session {
            face: Face::Redfish,
            user: account.name.clone(),
            role,
            remote: origin.address(),
            since,
        });
        let id = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let mut sessions = self.lock();
        if sessions.len() >= LIMIT {
            return None;
        }
        // Under the lock: what ends the session is to find it.
        let expiry = tokio::spawn(expire(Arc::downgrade(redfish), id));
        let login = Login {
            account: account.id,
            name: account.name.clone(),
            token: Secret::from(token.as_str()),
            since,
            origin,
            used: Instant::now(),
            _listed: listed,
            _expiry: AbortOnDropHandle::new(expiry),
        };
        sessions.insert(id, login);
        Some((id.to_string(), token))
    }

    /// The session with that token and its account, as it is now; takes as long whichever it is.
    pub fn by_token(&self, bmc: &Bmc, token: &[u8]) -> Option<(u64, Account)> {
        let (id, number, name) = {
            let mut sessions = self.lock();
            let mut found = None;
            for (id, login) in sessions.iter_mut() {
                if login.token.is(token) {
                    found = Some((*id, login));
                }
            }
            let (id, login) = found?;
            login.used = Instant::now();
            (id, login.account, login.name.clone())
        };
        let account = bmc.accounts().signed_in(number, &name);
        if account.is_none() {
            self.end(&id.to_string());
        }
        Some((id, account?))
    }

    /// Whether that session has not ended.
    pub fn has(&self, id: u64) -> bool {
        self.lock().contains_key(&id)
    }

    /// All sessions, oldest first.
    pub fn list(&self) -> Vec<Shown> {
        let shown = |(id, login): (&u64, &Login)| Shown {
            id: id.to_string(),
            account: login.account,
            name: login.name.clone(),
            since: login.since,
            origin: login.origin,
        };
        self.lock().iter().map(shown).collect()
    }

    /// The session of that id.
    pub fn get(&self, id: &str) -> Option<Shown> {
        self.list().into_iter().find(|shown| shown.id == id)
    }

    /// Ends a session; false if there is none.
    pub fn end(&self, id: &str) -> bool {
        let number = id.parse().ok().filter(|number: &u64| number.to_string() == id);
        let ended = number.and_then(|number| self.lock().remove(&number));
        ended.is_some()
    }

    /// Ends all sessions.
    pub fn end_all(&self) {
        let ended = std::mem::take(&mut *self.lock());
        drop(ended);
    }

    /// Seconds a session may be idle.
    pub fn timeout(&self) -> u64 {
        self.timeout.load(Ordering::Relaxed)
    }

    /// Decides how long a session may be idle; holds for those that begin or are used from now on.
    pub fn set_timeout(&self, seconds: u64) {
        self.timeout.store(seconds, Ordering::Relaxed);
    }

    /// Notes a wrong name or password, not more than once a second.
    pub fn note_failure(&self, bmc: &Bmc, origin: Origin) {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.is_none_or(|time| time.elapsed() >= NOTE_EVERY) {
            *noted = Some(Instant::now());
            let (node, remote) = (&bmc.identity().node, origin.address());
            tracing::info!(node, %remote, "somebody tried to sign in to the BMC over Redfish with a wrong name or password");
        }
    }

    /// When that session ends if it is not used again.
    fn end_of(&self, id: u64) -> Option<Instant> {
        let used = self.lock().get(&id)?.used;
        Some(used + Duration::from_secs(self.timeout()))
    }

    /// A panic while the lock was held can't have left a session half changed.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Login>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends a session once it was idle for too long.
async fn expire(redfish: std::sync::Weak<Redfish>, id: u64) {
    loop {
        let end = redfish.upgrade().and_then(|redfish| redfish.logins().end_of(id));
        let Some(end) = end else { return };
        if end <= Instant::now() {
            break;
        }
        tokio::time::sleep_until(end).await;
    }
    if let Some(redfish) = redfish.upgrade() {
        redfish.logins().end(&id.to_string());
    }
}

/// 128 random bits as hexadecimal digits; nobody gets a token that could be guessed.
fn random_token() -> Option<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .inspect_err(|error| tracing::warn!("there is no token without random numbers: {error}"))
        .ok()?;
    Some(format!("{:032x}", u128::from_be_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bmc::{redfish::testing::redfish, testing::Scripted};

    #[tokio::test(start_paused = true)]
    async fn a_session_ends_when_it_is_not_used() {
        let redfish = redfish(&Scripted::new());
        let account = redfish.bmc().accounts().named("cybozu").unwrap();
        let (_, token) = redfish.logins().begin(&redfish, &account, Origin::Lab).unwrap();
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_secs(DEFAULT_TIMEOUT - 1)).await;
            assert!(redfish.logins().by_token(redfish.bmc(), token.as_bytes()).is_some());
        }
        assert_eq!(redfish.bmc().sessions().list().len(), 1);
        tokio::time::sleep(Duration::from_secs(DEFAULT_TIMEOUT + 1)).await;
        assert!(redfish.logins().by_token(redfish.bmc(), token.as_bytes()).is_none());
        assert!(redfish.bmc().sessions().list().is_empty());
    }

    #[tokio::test]
    async fn sessions_are_bounded_and_go_with_their_account() {
        let redfish = redfish(&Scripted::new());
        let account = redfish.bmc().accounts().named("cybozu").unwrap();
        let begin = || redfish.logins().begin(&redfish, &account, Origin::Lab);
        let (_, token) = begin().unwrap();
        for _ in 1..LIMIT {
            begin().unwrap();
        }
        assert!(begin().is_none());
        redfish.bmc().accounts().remove(account.id);
        assert!(redfish.logins().by_token(redfish.bmc(), token.as_bytes()).is_none());
        assert_eq!(redfish.logins().list().len(), LIMIT - 1);
        redfish.logins().end_all();
        assert!(redfish.bmc().sessions().list().is_empty());
    }
}
