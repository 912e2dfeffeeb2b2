//! The system event log: what happened to the machine, bounded, with times.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use super::{Cause, Expiry, WatchdogSettings};

/// Entries that are kept; the oldest make room.
const CAPACITY: usize = 512;
/// The last number an entry can have: the next one, 0xffff, means "the last entry" to IPMI.
const LAST_ID: u16 = 0xfffe;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Occurrence {
    /// The machine was powered on.
    PoweredOn(Cause),
    /// The machine went off, and why.
    PoweredOff(Option<String>),
    /// The machine began anew without having been off.
    Reset(Cause),
    /// The machine was given a non-maskable interrupt.
    Nmi(Cause),
    /// The watchdog's time ran out, and what was done about it.
    Watchdog(Expiry, WatchdogSettings),
    /// The log was cleared.
    Cleared,
    /// A record that a client added, in IPMI's form: what stands behind its number.
    Added([u8; 14]),
}

/// How much an entry matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// As it should be.
    Ok,
    /// To be looked at.
    Warning,
    /// Something failed.
    Critical,
}

impl Occurrence {
    /// What happened, as a sentence.
    pub fn message(&self) -> String {
        match self {
            Self::PoweredOn(cause) => format!("The machine was powered on{}.", by(*cause)),
            Self::PoweredOff(None) => "The machine is off.".into(),
            Self::PoweredOff(Some(reason)) => format!("The machine is off: {reason}."),
            Self::Reset(cause) => format!("The machine was reset{}.", by(*cause)),
            Self::Nmi(cause) => format!("The machine was given a non-maskable interrupt{}.", by(*cause)),
            Self::Watchdog(Expiry::Warning, _) => "The watchdog's time is about to run out.".into(),
            Self::Watchdog(Expiry::Final, settings) => match settings.action {
                Some(verb) => format!("The watchdog's time ran out; it had to {verb} the machine."),
                None => "The watchdog's time ran out.".into(),
            },
            Self::Cleared => "The log was cleared.".into(),
            Self::Added(_) => "A record that a client added.".into(),
        }
    }

    /// How much it matters.
    pub fn severity(&self) -> Severity {
        match self {
            Self::Watchdog(Expiry::Final, _) => Severity::Critical,
            Self::Watchdog(Expiry::Warning, _) | Self::Nmi(_) => Severity::Warning,
            _ => Severity::Ok,
        }
    }
}

fn by(cause: Cause) -> &'static str {
    match cause {
        Cause::Other => "",
        Cause::Guest => " by its guest",
        Cause::Ipmi => " over IPMI",
        Cause::Redfish => " over Redfish",
        Cause::Watchdog => " by the watchdog",
    }
}

/// An entry of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number, from 1 to 0xfffe; they begin anew after that.
    pub id: u16,
    /// How many entries there had been in all when it came, with it: that never goes back, whatever becomes of the log.
    pub serial: u64,
    /// When, by the log's clock.
    pub time: Timestamp,
    /// What happened.
    pub what: Occurrence,
}

/// The log of a BMC.
#[derive(Debug)]
pub struct Log {
    inner: Mutex<Inner>,
    changes: watch::Sender<u64>,
}

#[derive(Debug)]
struct Inner {
    entries: VecDeque<Entry>,
    last_id: u16,
    last_serial: u64,
    lost: bool,
    added: Option<Timestamp>,
    erased: Option<Timestamp>,
    /// What a client set the log's clock ahead of the host's.
    offset: SignedDuration,
}

impl Inner {
    fn now(&self) -> Timestamp {
        Timestamp::now().saturating_add(self.offset).unwrap_or(Timestamp::MAX)
    }
}

/// A look at the log.
#[derive(Clone, Debug)]
pub struct LogInfo {
    /// How many entries there are.
    pub entries: usize,
    /// How many more fit before the oldest go.
    pub free: usize,
    /// Whether entries had to go.
    pub lost: bool,
    /// When the last one was added.
    pub added: Option<Timestamp>,
    /// When the log was last cleared.
    pub erased: Option<Timestamp>,
}

impl Log {
    pub(super) fn new(changes: watch::Sender<u64>) -> Self {
        let inner = Inner {
            entries: VecDeque::new(),
            last_id: 0,
            last_serial: 0,
            lost: false,
            added: None,
            erased: None,
            offset: SignedDuration::ZERO,
        };
        let inner = Mutex::new(inner);
        Self { inner, changes }
    }

    /// Adds an entry and returns its number.
    pub fn add(&self, what: Occurrence) -> u16 {
        let id = {
            let mut inner = self.lock();
            if inner.entries.len() == CAPACITY {
                inner.entries.pop_front();
                inner.lost = true;
            }
            let id = if inner.last_id >= LAST_ID { 1 } else { inner.last_id + 1 };
            let time = inner.now();
            inner.last_id = id;
            inner.last_serial += 1;
            let serial = inner.last_serial;
            inner.added = Some(time);
            inner.entries.push_back(Entry { id, serial, time, what });
            id
        };
        self.changes.send_modify(|version| *version += 1);
        id
    }

    /// All entries, oldest first.
    pub fn entries(&self) -> Vec<Entry> {
        self.lock().entries.iter().cloned().collect()
    }

    /// The entries that came after the one of that serial, oldest first.
    pub fn entries_after(&self, serial: u64) -> Vec<Entry> {
        let inner = self.lock();
        let old = inner.entries.partition_point(|entry| entry.serial <= serial);
        inner.entries.range(old..).cloned().collect()
    }

    /// The entry of that number and the number of the one after it.
    pub fn entry(&self, id: u16) -> Option<(Entry, Option<u16>)> {
        let inner = self.lock();
        let at = inner.entries.iter().position(|entry| entry.id == id)?;
        let next = inner.entries.get(at + 1).map(|entry| entry.id);
        Some((inner.entries.get(at)?.clone(), next))
    }

    /// The numbers of the first and the last entry.
    pub fn ends(&self) -> Option<(u16, u16)> {
        let inner = self.lock();
        Some((inner.entries.front()?.id, inner.entries.back()?.id))
    }

    /// Removes an entry; false if there is none of that number.
    pub fn remove(&self, id: u16) -> bool {
        let removed = {
            let mut inner = self.lock();
            let before = inner.entries.len();
            inner.entries.retain(|entry| entry.id != id);
            let removed = inner.entries.len() < before;
            if removed {
                inner.erased = Some(inner.now());
            }
            removed
        };
        self.changes.send_modify(|version| *version += 1);
        removed
    }

    /// Removes all entries, and notes that in the first of the new ones.
    pub fn clear(&self) {
        {
            let mut inner = self.lock();
            inner.entries.clear();
            inner.last_id = 0;
            inner.lost = false;
            inner.erased = Some(inner.now());
        }
        self.add(Occurrence::Cleared);
    }

    /// How full the log is, and when it changed.
    pub fn info(&self) -> LogInfo {
        let inner = self.lock();
        LogInfo {
            entries: inner.entries.len(),
            free: CAPACITY - inner.entries.len(),
            lost: inner.lost,
            added: inner.added,
            erased: inner.erased,
        }
    }

    /// What time the log's clock shows.
    pub fn now(&self) -> Timestamp {
        self.lock().now()
    }

    /// Sets the log's clock; it runs on from there.
    pub fn set_clock(&self, now: Timestamp) {
        self.lock().offset = now.duration_since(Timestamp::now());
    }

    /// A panic while the lock was held can't have left an entry half made.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log() -> Log {
        Log::new(watch::Sender::new(0))
    }

    #[test]
    fn the_log_is_bounded_and_its_numbers_go_round() {
        let log = log();
        for _ in 0..usize::from(LAST_ID) + 2 {
            log.add(Occurrence::PoweredOff(None));
        }
        assert_eq!(log.entries().len(), CAPACITY);
        assert_eq!(log.ends().unwrap().1, 2);
        let (_, next) = log.entry(LAST_ID).unwrap();
        assert_eq!(next, Some(1));
        assert!(log.info().lost);
    }

    #[test]
    fn entries_can_be_removed_one_by_one_and_all_at_once() {
        let log = log();
        let ids: Vec<_> = (0..3).map(|_| log.add(Occurrence::PoweredOn(Cause::Ipmi))).collect();
        assert!(log.remove(ids[1]) && !log.remove(ids[1]));
        assert_eq!(log.entry(ids[0]).unwrap().1, Some(ids[2]));
        log.clear();
        assert_eq!(log.entries().len(), 1);
        assert!(log.info().erased.is_some());
    }

    #[test]
    fn the_clock_runs_on_from_where_it_was_set() {
        let log = log();
        let then: Timestamp = "2001-01-01T00:00:00Z".parse().unwrap();
        log.set_clock(then);
        assert!(log.now().duration_since(then).as_secs() < 60);
        log.add(Occurrence::Cleared);
        assert!(log.entries()[0].time < "2001-01-02T00:00:00Z".parse().unwrap());
    }
}
