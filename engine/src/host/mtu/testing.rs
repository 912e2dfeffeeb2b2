//! Hosts for tests.

use std::{
    io::Read as _,
    process::{Command, Stdio},
};

use nix::sched::{CloneFlags, unshare};

/// Runs `test` in a network namespace of its own that the shell commands of `setup` furnished, and ends what they left
/// running; `None`: not root.
pub fn private_netns<T: Send, F: Future<Output = T>>(setup: &str, test: impl FnOnce() -> F + Send) -> Option<T> {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("skipped: needs root");
        return None;
    }
    std::thread::scope(|scope| {
        let inside = scope.spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET).unwrap();
            // The shell stays until its stdin ends, so that it can end its children.
            let script = format!(
                "set -e; trap 'kill $(jobs -p) 2>/dev/null || true' EXIT; ip link set lo up; {setup}\n echo; cat"
            );
            let mut shell = Command::new("sh");
            let shell = shell.args(["-c", &script]).stdin(Stdio::piped()).stdout(Stdio::piped());
            let mut shell = shell.spawn().unwrap();
            shell
                .stdout
                .as_mut()
                .unwrap()
                .read_exact(&mut [0])
                .expect("the set-up failed");
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            let result = runtime.block_on(test());
            drop(shell.stdin.take());
            shell.wait().unwrap();
            result
        });
        Some(inside.join().unwrap())
    })
}
