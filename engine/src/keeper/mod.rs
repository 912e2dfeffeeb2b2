//! The keeper: one small child process of the engine that is the parent of every process of a lab.
//!
//! However the engine dies, `kill -9` included, the keeper reads the end of its socket, kills every descendant (it is a
//! subreaper, so programs that daemonized are among them), undoes what the lab's record names and exits. If the keeper
//! itself dies, its children die by their parent-death signal, and the engine, a subreaper too, inherits and kills the rest.
//!
//! This module knows nothing of namespaces beyond entering one, and nothing of what the programs it starts are for.

mod child;
mod client;
mod command;
mod error;
pub(crate) mod pidfd;
mod process;
mod server;
mod socket;
mod strangers;
mod tree;
mod wire;

use std::{
    ffi::OsStr,
    io,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

pub use client::Keeper;
pub use command::{Command, Inside};
pub use error::KeeperError;
pub use process::{Exit, Process};
pub use strangers::reap_strangers;
pub use wire::Identity;

/// `argv[0]` of a keeper, by which the program knows that it was started as one.
const ARGV0: &str = "placemat2-keeper";

/// To be called first in `main`, before any thread exists: if this process was started as a keeper, runs it and does not
/// return.
///
/// `hold` is called with the lab directory before any process is started, and what it returns is kept until the keeper ends;
/// if it fails, the keeper ends at once. `on_engine_death` is given that once the engine is dead and every process of the
/// lab is gone; it is not called after [`Keeper::quit`].
pub fn run_if_keeper<T>(hold: impl FnOnce(&Path) -> io::Result<T>, on_engine_death: impl FnOnce(T)) {
    let mut args = std::env::args_os();
    if args.next().as_deref() != Some(OsStr::from_bytes(ARGV0.as_bytes())) {
        return;
    }
    let Some(lab_dir) = args.next().map(PathBuf::from) else {
        return;
    };
    // Somebody who merely typed this name has no such socket: let the program go on and complain about its arguments.
    let Some(socket) = socket::from_stdin() else {
        return;
    };
    let Ok(lock) = hold(&lab_dir) else {
        std::process::exit(1);
    };
    let code = match server::run(socket) {
        Ok(server::End::EngineDied) => {
            on_engine_death(lock);
            0
        }
        Ok(server::End::Quit) => 0,
        Err(_) => 1,
    };
    std::process::exit(code);
}
