//! What the tests that need a real keeper share: a `main` that can become a keeper, and looking at processes.

#![allow(dead_code, reason = "each test program uses a part")]
#![allow(clippy::print_stdout, reason = "says why a test is skipped")]

use std::{
    fs,
    future::Future,
    io::Read,
    os::fd::OwnedFd,
    path::Path,
    time::{Duration, Instant},
};

use libtest_mimic::{Arguments, Trial};
use placemat2_engine::keeper::{self, Command, Keeper};

/// Runs the trials, unless this process was started as a keeper.
pub fn main(trials: impl FnOnce() -> Vec<Trial>) {
    keeper::run_if_keeper(
        |lab_dir| Ok(lab_dir.to_owned()),
        |lab_dir| fs::write(lab_dir.join("undone"), "").unwrap(),
    );
    let trials = trials();
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// A test with a runtime, a lab directory and a keeper of its own.
pub fn trial<F: Future<Output = ()>>(
    name: &str,
    test: impl FnOnce(Keeper, tempfile::TempDir) -> F + Send + 'static,
) -> Trial {
    Trial::test(name, move || {
        block_on(async {
            let dir = tempfile::tempdir().unwrap();
            let keeper = Keeper::start(dir.path()).unwrap();
            let guard = keeper.clone();
            test(keeper, dir).await;
            guard.quit().await;
        });
        Ok(())
    })
}

/// As [`trial`], for what only root may do.
pub fn root_trial<F: Future<Output = ()>>(
    name: &str,
    test: impl FnOnce(Keeper, tempfile::TempDir) -> F + Send + 'static,
) -> Trial {
    let root = nix::unistd::geteuid().is_root();
    if !root {
        println!("{name} is skipped: it needs root");
    }
    trial(name, test).with_ignored_flag(!root)
}

/// Runs a future on a runtime like the engine's.
pub fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(async { tokio::time::timeout(Duration::from_secs(60), future).await.unwrap() })
}

/// `sh -c SCRIPT`.
pub fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args = vec!["-c".into(), script.into()];
    command
}

/// Makes the command's stdout a pipe and returns the other end.
pub fn piped(command: &mut Command) -> std::io::PipeReader {
    let (reader, writer) = std::io::pipe().unwrap();
    command.stdout = Some(OwnedFd::from(writer));
    reader
}

/// Reads to the end.
pub fn read(mut reader: std::io::PipeReader) -> String {
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    text
}

/// Whether a process exists that is no zombie.
pub fn alive(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap().trim_start().starts_with(['Z', 'X']))
}

/// Waits for a condition that no event tells of; fails after ten seconds.
pub fn eventually(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < deadline, "still not so: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The number that a process wrote to a file, once it is there.
pub fn pid_in(file: &Path) -> i32 {
    eventually(&format!("a pid in {}", file.display()), || {
        fs::read_to_string(file).is_ok_and(|text| text.ends_with('\n'))
    });
    fs::read_to_string(file).unwrap().trim().parse().unwrap()
}

/// Writes a script that can be run at once. By another process: what this one opens for writing, a fork in another thread has open,
/// too, for a moment, and nothing that is open for writing can be run.
pub fn write_script(path: &Path, text: &str) {
    let write = "printf %s \"$1\" >\"$2\" && chmod 755 \"$2\"";
    let written = std::process::Command::new("sh")
        .args(["-c", write, "sh", text])
        .arg(path)
        .status();
    assert!(written.unwrap().success(), "{}", path.display());
}
