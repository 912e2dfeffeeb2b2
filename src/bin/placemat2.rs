//! `placemat2`: runs labs, checks and plans them.

use std::process::ExitCode;

use placemat2::placemat2 as command;
use placemat2_engine::{host::KeeperLock, keeper};

fn main() -> ExitCode {
    // Before anything else: a keeper is this program, too, and must not become more than one thread.
    keeper::run_if_keeper(KeeperLock::take, |lock| {
        // Nobody is left to tell: what could not be undone stays recorded for the next start and `placemat2 cleanup`.
        let _ = lock.undo();
    });
    command::main()
}
