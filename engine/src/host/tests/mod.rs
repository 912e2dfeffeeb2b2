//! Tests of what a lab does to the host, each on a host of its own: fresh network and mount namespaces with an empty `/run`.

mod firewall;
mod killed;
mod leftovers;
mod names;
mod nat;
mod ownership;
mod sysctls;

use std::{
    path::{Path, PathBuf},
    process::Command,
    thread,
};

use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
    unistd::geteuid,
};

use super::{
    KeeperLock, LabDir, Report,
    lock::{LockFile, Part},
};

/// Runs a test on a thread, and with children, in namespaces of their own. Without root it says so and passes.
fn on_a_fresh_host(test: impl FnOnce() + Send + 'static) {
    if !geteuid().is_root() {
        println!("skipped: needs root");
        return;
    }
    let result = thread::spawn(|| {
        // A thread, unlike a process with threads, can have a mount namespace of its own.
        unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS).unwrap();
        let none: Option<&str> = None;
        mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).unwrap();
        mount(none, "/run", Some("tmpfs"), MsFlags::empty(), none).unwrap();
        run("ip link set lo up");
        test();
    })
    .join();
    if let Err(panic) = result {
        std::panic::resume_unwind(panic);
    }
}

/// Where the labs of a test are.
fn root() -> PathBuf {
    PathBuf::from("/run/placemat2")
}

fn acquire(lab: &str) -> LabDir {
    LabDir::acquire(&root(), lab).unwrap()
}

/// Takes a lab down and demands that nothing was in the way.
fn release(lab: LabDir) -> Vec<String> {
    let report = lab.release().unwrap();
    assert!(report.errors.is_empty(), "{:?}", report.errors);
    assert!(report.left.is_empty(), "{:?}", report.left);
    report.removed
}

/// Ends a lab's engine as `kill -9` would, and returns the lab's directory.
fn crash(lab: LabDir) -> PathBuf {
    let path = lab.path().to_owned();
    drop(lab);
    // Unlike a real engine's death, this one leaves the lock to children that other tests are just starting, until those
    // run their programs.
    LockFile::open(&path).unwrap().take(Part::Life).unwrap();
    path
}

/// What the keeper of a dead engine does, if there was one.
fn undo_by_keeper(lab_dir: &Path) -> Report {
    let report = KeeperLock::take(lab_dir).unwrap().undo().unwrap();
    assert!(report.errors.is_empty(), "{:?}", report.errors);
    report
}

/// Runs a shell command, demands that it succeeds and returns what it printed.
fn run(command: &str) -> String {
    let output = Command::new("sh").args(["-c", command]).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

/// Everything below `/run`, sorted.
fn run_dir() -> String {
    run("find /run | sort")
}

fn symlink_exists(path: &str) -> bool {
    Path::new(path).symlink_metadata().is_ok()
}
