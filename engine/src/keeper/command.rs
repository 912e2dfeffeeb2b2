//! What the engine wants started.

use std::{
    ffi::{OsStr, OsString},
    io,
    os::{fd::OwnedFd, unix::ffi::OsStrExt},
    path::PathBuf,
};

use nix::unistd::getpgrp;

use super::{
    error::KeeperError,
    wire::{Identity, MAX_MESSAGE, Request, Spawn},
};
use crate::fabric::Netns;

/// A program to start.
#[derive(Debug)]
pub struct Command {
    /// Looked up in PATH if it has no slash.
    pub program: PathBuf,
    /// Arguments without the program's name.
    pub args: Vec<OsString>,
    /// Variables added to the engine's environment.
    pub env: Vec<(OsString, OsString)>,
    /// Working directory; that of the engine when it started if none.
    pub workdir: Option<PathBuf>,
    /// Namespace to run in.
    pub namespace: Option<Inside>,
    /// Who to run as, without capabilities and without a way to get any; as the engine if none.
    pub identity: Option<Identity>,
    /// /dev/null if none.
    pub stdin: Option<OwnedFd>,
    /// /dev/null if none.
    pub stdout: Option<OwnedFd>,
    /// /dev/null if none.
    pub stderr: Option<OwnedFd>,
    /// Further descriptors, each with its number in the child (3 and up).
    pub fds: Vec<(OwnedFd, i32)>,
    /// Its stdin is a terminal that is to control it: Ctrl-C typed there, and its hanging up, reach it as signals.
    pub terminal: bool,
    /// It stays in the engine's process group, instead of leading a session of its own: the terminal that the engine was started
    /// from is its own, too, for reading and for Ctrl-C. Signals then go to this process alone.
    pub with_engine: bool,
}

/// A namespace to run in, with what `ip netns exec` does besides: /sys and /etc/netns/NAME in a mount namespace.
#[derive(Debug)]
pub struct Inside {
    /// The network namespace.
    pub netns: OwnedFd,
    /// The mounts that its programs share; without them, the program has some of its own.
    pub mounts: Option<OwnedFd>,
    /// Its name.
    pub name: String,
}

impl Inside {
    /// That namespace.
    pub fn of(netns: &Netns) -> io::Result<Self> {
        Ok(Self {
            netns: netns.duplicate()?,
            mounts: netns.mounts().map(|mounts| mounts.try_clone_to_owned()).transpose()?,
            name: netns.name().to_owned(),
        })
    }
}

/// A command as it goes to the keeper.
pub struct Encoded {
    pub bytes: Vec<u8>,
    pub fds: Vec<OwnedFd>,
    /// What errors about it have to name.
    pub names: Names,
}

/// What errors about a command have to name.
pub struct Names {
    pub program: String,
    pub namespace: Option<String>,
    pub workdir: Option<String>,
}

impl Command {
    /// A command without arguments, in the host's namespace.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            args: vec![],
            env: vec![],
            workdir: None,
            namespace: None,
            identity: None,
            stdin: None,
            stdout: None,
            stderr: None,
            fds: vec![],
            terminal: false,
            with_engine: false,
        }
    }

    /// The request that starts this command as child number `id`.
    pub(super) fn encode(self, id: u64) -> Result<Encoded, KeeperError> {
        let names = Names {
            program: self.program.display().to_string(),
            namespace: self.namespace.as_ref().map(|inside| inside.name.clone()),
            workdir: self.workdir.as_ref().map(|path| path.display().to_string()),
        };
        if self.strings().any(|string| string.as_bytes().contains(&0)) {
            return Err(KeeperError::Spawn {
                program: names.program,
                source: io::Error::new(
                    io::ErrorKind::InvalidInput,
                    "an argument or variable contains a NUL byte",
                ),
            });
        }
        let (netns, mounts, namespace) = match self.namespace {
            Some(Inside { netns, mounts, name }) => (Some(netns), mounts, Some(name)),
            None => (None, None, None),
        };
        let stdio = [self.stdin, self.stdout, self.stderr];
        let (further, numbers): (Vec<_>, Vec<_>) = self.fds.into_iter().unzip();
        let spawn = Spawn {
            id,
            program: self.program.into(),
            args: self.args,
            env: self.env,
            workdir: self.workdir.map(Into::into),
            namespace: namespace.map(Into::into),
            mounts: mounts.is_some(),
            identity: self.identity,
            stdio: stdio.each_ref().map(Option::is_some),
            numbers,
            terminal: self.terminal,
            group: self.with_engine.then(|| getpgrp().as_raw()),
        };
        let fds: Vec<OwnedFd> = netns
            .into_iter()
            .chain(mounts)
            .chain(stdio.into_iter().flatten())
            .chain(further)
            .collect();
        let bytes = Request::Spawn(spawn).encode();
        if bytes.len() > MAX_MESSAGE {
            let (program, length) = (names.program, bytes.len());
            return Err(KeeperError::TooLong { program, length });
        }
        Ok(Encoded { bytes, fds, names })
    }

    fn strings(&self) -> impl Iterator<Item = &OsStr> {
        let env = self.env.iter().flat_map(|(name, value)| [name.as_os_str(), value]);
        let args = self.args.iter().map(OsString::as_os_str);
        let workdir = self.workdir.as_deref().map(AsRef::as_ref);
        [self.program.as_os_str()]
            .into_iter()
            .chain(args)
            .chain(env)
            .chain(workdir)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_is_too_long_is_refused() {
        let mut command = Command::new("echo");
        command.args = vec!["x".repeat(60_000).into(); 3];
        let error = command.encode(1).err().unwrap();
        assert!(
            matches!(&error, KeeperError::TooLong { program, .. } if program == "echo"),
            "{error}"
        );
    }

    #[test]
    fn a_nul_byte_is_refused() {
        let mut command = Command::new("echo");
        command.args = vec!["a\0b".into()];
        assert_eq!(
            command.encode(1).err().unwrap().to_string(),
            "cannot start echo: an argument or variable contains a NUL byte"
        );
    }
}
