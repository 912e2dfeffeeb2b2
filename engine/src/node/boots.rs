//! How often a machine's firmware has begun, and from what it is to boot next.

use std::time::Duration;

use tokio::time::Instant;

use super::nvram::Wish;
use crate::{plan::BootSource, store::BootCause};

/// Resets that a guest makes within this time of a boot belong to that boot: SeaBIOS, having run, begins anew by resetting
/// the machine once more. It also bounds how much a guest can have told that does nothing but reset.
pub(super) const SETTLING: Duration = Duration::from_secs(2);

/// Where a boot leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BootGoal {
    /// To what is on that device, or else on another.
    Device(BootSource),
    /// To the setup of UEFI.
    Setup,
    /// To what lies at that URL, by UEFI, or else to what is on a device.
    Url(String),
}

/// Where a node boots from, other than its firmware would.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootFrom {
    /// What is tried first.
    pub goal: BootGoal,
    /// For one boot.
    pub once: bool,
}

impl BootFrom {
    /// Whether it takes a power-on: UEFI is told by its variables, which are QEMU's while it runs.
    fn takes_power_on(&self) -> bool {
        !matches!(self.goal, BootGoal::Device(_))
    }
}

/// What is wanted of the next boots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct NextBoot {
    pub from: Option<BootFrom>,
    /// The TPM is to have forgotten everything at the next power-on.
    pub clear_tpm: bool,
}

impl NextBoot {
    /// The device that is tried first.
    pub(super) fn source(&self) -> Option<BootSource> {
        match self.from.as_ref()?.goal {
            BootGoal::Device(source) => Some(source),
            BootGoal::Setup | BootGoal::Url(_) => None,
        }
    }

    /// What UEFI is told by its variables.
    pub(super) fn wish(&self) -> Option<Wish> {
        match &self.from.as_ref()?.goal {
            BootGoal::Device(_) => None,
            BootGoal::Setup => Some(Wish::Setup),
            BootGoal::Url(url) => Some(Wish::Url(url.clone())),
        }
    }

    /// Whether a reset alone would not do.
    pub(super) fn takes_power_on(&self) -> bool {
        self.clear_tpm || self.from.as_ref().is_some_and(BootFrom::takes_power_on)
    }

    /// What is still wanted after a boot to which `used` applied.
    pub(super) fn after(&self, used: &Self, cause: BootCause) -> Self {
        let power_on = cause == BootCause::PowerOn;
        let is_used =
            |from: &BootFrom| from.once && used.from.as_ref() == Some(from) && (power_on || !from.takes_power_on());
        Self {
            from: self.from.clone().filter(|from| !is_used(from)),
            clear_tpm: self.clear_tpm && !(used.clear_tpm && power_on),
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

    fn next(goal: BootGoal, once: bool, clear_tpm: bool) -> NextBoot {
        let from = Some(BootFrom { goal, once });
        NextBoot { from, clear_tpm }
    }

    #[test]
    fn what_is_for_once_holds_for_one_boot() {
        let cd = || BootGoal::Device(BootSource::Cd);
        let none = |clear_tpm| NextBoot { from: None, clear_tpm };
        let once = next(cd(), true, true);
        assert_eq!(once.after(&once, BootCause::Reset), none(true));
        assert_eq!(once.after(&once, BootCause::PowerOn), none(false));
        // It was asked for while the machine was already on its way.
        let before = NextBoot::default();
        assert_eq!(once.after(&before, BootCause::PowerOn), once);
        let ever = next(cd(), false, false);
        assert_eq!(ever.after(&ever, BootCause::PowerOn), ever);
    }

    #[test]
    fn what_uefi_is_told_by_its_variables_waits_for_a_power_on() {
        for goal in [BootGoal::Setup, BootGoal::Url("http://x/".into())] {
            let once = next(goal, true, false);
            assert!(once.takes_power_on() && once.source().is_none() && once.wish().is_some());
            assert_eq!(once.after(&once, BootCause::ResetByGuest), once);
            assert_eq!(once.after(&once, BootCause::PowerOn), NextBoot::default());
        }
    }
}
