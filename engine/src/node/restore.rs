//! The policy by which a node's power is restored when its lab comes up again, and what it needs to know: whether the
//! node was on. Both are kept in a file with the node's data once somebody has set a policy.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::plan::{KeptPower, Node, RestorePolicy};

/// Power is no secret.
const MODE: u32 = 0o644;

/// What is kept of a node's power.
pub(super) struct Restore {
    file: PathBuf,
    state: Mutex<State>,
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
        }
    }

    /// What becomes of the node when its lab comes up again.
    pub(super) fn policy(&self) -> RestorePolicy {
        self.lock().policy
    }

    /// Decides that, from now on. Writes some bytes to the file.
    pub(super) fn set_policy(&self, policy: RestorePolicy) -> io::Result<()> {
        let mut state = self.lock();
        let was_on = state.on;
        write(&self.file, KeptPower { policy, was_on })?;
        (state.policy, state.set) = (policy, true);
        Ok(())
    }

    /// Takes note that the node was powered on or off, by somebody who meant it. Blocks if it has to be kept.
    pub(super) fn note(&self, on: bool) -> io::Result<()> {
        let mut state = self.lock();
        state.on = on;
        if !state.set {
            return Ok(());
        }
        let policy = state.policy;
        write(&self.file, KeptPower { policy, was_on: on })
    }

    /// A panic while the lock was held can't have left more than one field changed.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes a file that is whole whatever happens meanwhile.
fn write(file: &Path, kept: KeptPower) -> io::Result<()> {
    if let Some(dir) = file.parent() {
        fs::create_dir_all(dir)?;
    }
    let part = file.with_extension("json.part");
    let mut writing = fs::File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(MODE)
        .open(&part)?;
    writing.write_all(&serde_json::to_vec(&kept)?)?;
    fs::rename(part, file)
}

#[cfg(test)]
mod tests {
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
    fn what_cannot_be_kept_is_not_set() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("power"), "in the way").unwrap();
        let restore = restore(dir.path(), None);
        assert!(restore.set_policy(RestorePolicy::AlwaysOff).is_err());
        assert_eq!(restore.policy(), RestorePolicy::AlwaysOn);
        restore.note(false).unwrap();
    }
}
