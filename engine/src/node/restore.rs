//! The policy by which a node's power is restored when its lab comes up again, and what it needs to know: whether the
//! node was on. Both are kept in a file with the node's data once somebody has set a policy.

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::part_file::PartFile;
use crate::plan::{KeptPower, Node, RestorePolicy};

/// Power is no secret.
const MODE: u32 = 0o644;

/// What is kept of a node's power.
pub(super) struct Restore {
    file: PathBuf,
    /// Never held while something is written: whoever reads it waits.
    state: Mutex<State>,
    /// Held by who writes, so that the file has at last what was decided last.
    writing: Mutex<()>,
}

struct State {
    policy: RestorePolicy,
    /// Whether somebody set it, so that it is kept.
    set: bool,
    on: bool,
}

impl Restore {
    pub(super) fn new(plan: &Node) -> Self {
        Self {
            file: plan.restore.file.clone(),
            state: Mutex::new(State {
                policy: plan.restore_policy(),
                set: plan.restore.policy.is_some(),
                on: false,
            }),
            writing: Mutex::default(),
        }
    }

    /// What becomes of the node when its lab comes up again.
    pub(super) fn policy(&self) -> RestorePolicy {
        lock(&self.state).policy
    }

    /// Decides that, from now on, if it can be kept. Blocks.
    pub(super) fn set_policy(&self, policy: RestorePolicy) -> io::Result<()> {
        let _writing = lock(&self.writing);
        let was_on = lock(&self.state).on;
        write(&self.file, KeptPower { policy, was_on })?;
        self.begin_with(policy);
        Ok(())
    }

    /// Decides that without keeping it, which is still to be done.
    pub(super) fn begin_with(&self, policy: RestorePolicy) {
        let mut state = lock(&self.state);
        (state.policy, state.set) = (policy, true);
    }

    /// Takes note that the node was powered on or off, by somebody who meant it. Blocks if it has to be kept.
    pub(super) fn note(&self, on: bool) -> io::Result<()> {
        let _writing = lock(&self.writing);
        lock(&self.state).on = on;
        self.write()
    }

    /// Keeps what was decided, if something was. Blocks.
    pub(super) fn keep(&self) -> io::Result<()> {
        let _writing = lock(&self.writing);
        self.write()
    }

    fn write(&self) -> io::Result<()> {
        let State { policy, set, on } = *lock(&self.state);
        if !set {
            return Ok(());
        }
        write(&self.file, KeptPower { policy, was_on: on })
    }
}

/// A panic while the lock was held can't have left more than one field changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes a file that is whole whatever happens meanwhile.
fn write(file: &Path, kept: KeptPower) -> io::Result<()> {
    let part = PartFile::create(file, MODE)?;
    part.file().write_all(&serde_json::to_vec(&kept)?)?;
    part.replace()
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use super::*;
    use crate::plan::{
        Options, build,
        testing::{Lab, facts},
    };

    fn restore(dir: &Path, policy: Option<RestorePolicy>) -> Restore {
        let spec = Lab::new("x").node_with("n", &[], |_| {}).spec();
        let mut node = build(&spec, &Options::default(), &facts()).unwrap().nodes.remove(0);
        node.restore.file = dir.join("power/n.json");
        node.restore.policy = policy;
        Restore::new(&node)
    }

    #[test]
    fn nothing_is_kept_before_a_policy_is_set() {
        let dir = tempfile::tempdir().unwrap();
        let restore = restore(dir.path(), None);
        restore.note(true).unwrap();
        assert_eq!(restore.policy(), RestorePolicy::AlwaysOn);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_was_set_and_what_happened_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let kept =
            || -> KeptPower { serde_json::from_slice(&fs::read(dir.path().join("power/n.json")).unwrap()).unwrap() };
        let first = restore(dir.path(), None);
        first.note(true).unwrap();
        let policy = RestorePolicy::Previous;
        first.set_policy(policy).unwrap();
        assert_eq!(kept(), KeptPower { policy, was_on: true });
        first.note(false).unwrap();
        assert_eq!(kept(), KeptPower { policy, was_on: false });
        assert!(!kept().powers_on());
        let next = restore(dir.path(), Some(policy));
        assert_eq!(next.policy(), policy);
        // As it is until something happens.
        assert_eq!(kept(), KeptPower { policy, was_on: false });
        next.note(true).unwrap();
        assert!(kept().powers_on());
        assert_eq!(fs::read_dir(dir.path().join("power")).unwrap().count(), 1);
    }

    #[test]
    fn what_was_set_early_is_told_at_once_and_kept_later() {
        let dir = tempfile::tempdir().unwrap();
        let restore = restore(dir.path(), None);
        restore.keep().unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        restore.begin_with(RestorePolicy::Previous);
        assert_eq!(restore.policy(), RestorePolicy::Previous);
        restore.keep().unwrap();
        let kept: KeptPower = serde_json::from_slice(&fs::read(dir.path().join("power/n.json")).unwrap()).unwrap();
        assert_eq!((kept.policy, kept.was_on), (RestorePolicy::Previous, false));
    }

    #[test]
    fn the_policy_is_told_while_another_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let restore = restore(dir.path(), None);
        let power = dir.path().join("power");
        fs::create_dir(&power).unwrap();
        // Who begins a file there waits for this.
        let busy = File::open(&power).unwrap();
        busy.lock().unwrap();
        std::thread::scope(|scope| {
            let setting = scope.spawn(|| restore.set_policy(RestorePolicy::Previous));
            let noting = scope.spawn(|| restore.note(true));
            while restore.writing.try_lock().is_ok() {
                std::thread::yield_now();
            }
            assert_eq!(restore.policy(), RestorePolicy::AlwaysOn);
            drop(busy);
            setting.join().unwrap().unwrap();
            noting.join().unwrap().unwrap();
        });
        assert_eq!(restore.policy(), RestorePolicy::Previous);
    }

    #[test]
    fn what_cannot_be_kept_is_not_set() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("power"), "in the way").unwrap();
        let restore = restore(dir.path(), None);
        assert!(restore.set_policy(RestorePolicy::AlwaysOff).is_err());
        assert_eq!(restore.policy(), RestorePolicy::AlwaysOn);
        restore.note(false).unwrap();
    }
}
