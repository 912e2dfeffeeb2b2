//! What runs in a shell: the command that was asked for, or root's own shell.

use std::{ffi::OsString, os::fd::OwnedFd, path::PathBuf};

use nix::unistd::{AccessFlags, Uid, User, access};

use crate::keeper::Command;

/// The shell of last resort.
const SHELL: &str = "/bin/sh";

/// The command that runs `words` (root's shell if there are none) with these standard streams, in root's home. On a terminal of the
/// kind `term`, that controls it. Looks root up, which may block.
pub fn command(words: &[String], term: Option<&str>, streams: [OwnedFd; 3]) -> Command {
    let root = User::from_uid(Uid::from_raw(0)).ok().flatten();
    let shell = root.as_ref().map(|root| root.shell.clone());
    let shell = shell.filter(|shell| access(shell, AccessFlags::X_OK).is_ok());
    let shell = shell.unwrap_or_else(|| PathBuf::from(SHELL));
    let home = root.map(|root| root.dir).filter(|home| home.is_dir());
    let mut command = match words.split_first() {
        Some((program, args)) => {
            let mut command = Command::new(program);
            command.args = args.iter().map(OsString::from).collect();
            command
        }
        None => Command::new(&shell),
    };
    command.env = vec![("SHELL".into(), shell.into())];
    command.env.extend(term.map(|term| ("TERM".into(), term.into())));
    command
        .env
        .extend(home.iter().map(|home| ("HOME".into(), home.clone().into())));
    command.workdir = Some(home.unwrap_or_else(|| PathBuf::from("/")));
    let [stdin, stdout, stderr] = streams.map(Some);
    (command.stdin, command.stdout, command.stderr) = (stdin, stdout, stderr);
    command.terminal = term.is_some();
    command
}
