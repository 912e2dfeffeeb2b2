//! How often a machine's firmware has begun, and from what it is to boot next.

use std::time::Duration;

use tokio::time::Instant;

use crate::{plan::BootSource, store::BootCause};

/// Resets that a guest makes within this time of a boot belong to that boot: SeaBIOS, having run, begins anew by resetting
/// the machine once more. It also bounds how much a guest can have told that does nothing but reset.
pub(super) const SETTLING: Duration = Duration::from_secs(2);

/// Where a node boots from, other than its firmware would.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BootFrom {
    /// What is tried first.
    pub source: BootSource,
    /// For one boot, by power-on or reset.
    pub once: bool,
}

/// What is wanted of the next boots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct NextBoot {
    pub from: Option<BootFrom>,
    /// The TPM is to have forgotten everything at the next power-on.
    pub clear_tpm: bool,
}

impl NextBoot {
    /// What is tried first.
    pub(super) fn source(self) -> Option<BootSource> {
        self.from.map(|from| from.source)
    }

    /// What is still wanted after a boot to which `used` applied.
    pub(super) fn after(self, used: Self, cause: BootCause) -> Self {
        let once = self.from.is_some_and(|from| from.once) && self.from == used.from;
        Self {
            from: self.from.filter(|_| !once),
            clear_tpm: self.clear_tpm && !(used.clear_tpm && cause == BootCause::PowerOn),
        }
    }
}

/// Counts boots.
#[derive(Debug, Default)]
pub(super) struct Boots {
    count: u64,
    last: Option<Instant>,
}

impl Boots {
    /// Counts one; returns how many there were, or `None` if it is part of the last one.
    pub(super) fn count(&mut self, cause: BootCause, now: Instant) -> Option<u64> {
        let settling = self.last.is_some_and(|last| now.duration_since(last) < SETTLING);
        if cause == BootCause::ResetByGuest && settling {
            return None;
        }
        self.count += 1;
        self.last = Some(now);
        Some(self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reset_that_follows_a_boot_at_once_belongs_to_it() {
        let (mut boots, start) = (Boots::default(), Instant::now());
        let after = |milliseconds| start + Duration::from_millis(milliseconds);
        assert_eq!(boots.count(BootCause::PowerOn, start), Some(1));
        assert_eq!(boots.count(BootCause::ResetByGuest, after(5000)), Some(2));
        assert_eq!(boots.count(BootCause::ResetByGuest, after(5003)), None);
        assert_eq!(boots.count(BootCause::Reset, after(5004)), Some(3));
        let flood: Vec<u64> = (5005..9005)
            .filter_map(|at| boots.count(BootCause::ResetByGuest, after(at)))
            .collect();
        assert_eq!(flood, [4, 5]);
    }

    #[test]
    fn what_is_for_once_holds_for_one_boot() {
        let from = |once| {
            Some(BootFrom {
                source: BootSource::Cd,
                once,
            })
        };
        let next = |from, clear_tpm| NextBoot { from, clear_tpm };
        let once = next(from(true), true);
        assert_eq!(once.after(once, BootCause::Reset), next(None, true));
        assert_eq!(once.after(once, BootCause::PowerOn), next(None, false));
        // It was asked for while the machine was already on its way.
        let before = NextBoot::default();
        assert_eq!(once.after(before, BootCause::PowerOn), once);
        let ever = next(from(false), false);
        assert_eq!(ever.after(ever, BootCause::PowerOn), ever);
    }
}
