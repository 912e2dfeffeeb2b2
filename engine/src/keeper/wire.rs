//! The messages between engine and keeper: fixed-width little-endian numbers and byte strings with their length.
//!
//! Both ends are the same executable, so there is no version. Descriptors travel beside the bytes, in the order
//! namespace, its mounts, stdin, stdout, stderr, further ones; those that one message can't carry go before it in others.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::{OsStrExt, OsStringExt},
};

use super::process::Exit;

/// The longest message in bytes. The kernel takes no argument or variable over 128 KiB, and a datagram must fit
/// into the default send buffer of 208 KiB.
pub const MAX_MESSAGE: usize = 128 * 1024;

/// What the engine asks of the keeper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Start a program.
    Spawn(Spawn),
    /// Descriptors for the program that the next message starts, before those that come with that.
    Descriptors {
        /// The engine's number of the child.
        id: u64,
    },
    /// Send a signal to the process group of a child, or to the child alone if it leads none.
    Signal {
        /// The engine's number of the child.
        id: u64,
        /// Its process id.
        pid: i32,
        /// The signal.
        signal: i32,
    },
    /// Kill every descendant, start nothing any more.
    KillAll,
    /// As `KillAll`, then exit without the work for a dead engine.
    Quit,
}

/// A program to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spawn {
    /// The engine's number of the child.
    pub id: u64,
    /// Looked up in PATH if it has no slash.
    pub program: OsString,
    /// Arguments without the program's name.
    pub args: Vec<OsString>,
    /// Additions to the environment.
    pub env: Vec<(OsString, OsString)>,
    /// Working directory.
    pub workdir: Option<OsString>,
    /// Name of the namespace whose descriptor comes with the message.
    pub namespace: Option<OsString>,
    /// Whether the descriptor of that namespace's mounts comes, too.
    pub mounts: bool,
    /// Who to be; the keeper's own user if none.
    pub identity: Option<Identity>,
    /// Which of stdin, stdout and stderr come with the message.
    pub stdio: [bool; 3],
    /// Number in the child of each further descriptor.
    pub numbers: Vec<i32>,
    /// Whether stdin becomes its controlling terminal.
    pub terminal: bool,
    /// Process group of the keeper's session to be in; a session of its own if none.
    pub group: Option<i32>,
}

/// Who a program runs as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Further groups.
    pub groups: Vec<u32>,
}

/// What the keeper tells the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The program runs; a pidfd comes with the message.
    Spawned {
        /// The engine's number of the child.
        id: u64,
        /// Its process id.
        pid: i32,
    },
    /// The program could not be started.
    Failed {
        /// The engine's number of the child.
        id: u64,
        /// [`super::error::Stage`] as a number.
        stage: u8,
        /// What the kernel said.
        errno: i32,
    },
    /// The program was not started because `KillAll` or `Quit` came before.
    Refused {
        /// The engine's number of the child.
        id: u64,
    },
    /// A child ended.
    Exited {
        /// The engine's number of the child.
        id: u64,
        /// How.
        exit: Exit,
    },
    /// After `KillAll`: no descendant exists.
    AllGone,
}

impl Request {
    /// The message's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Spawn(spawn) => {
                out.push(0);
                spawn.encode(&mut out);
            }
            Self::Signal { id, pid, signal } => {
                out.push(1);
                out.extend(id.to_le_bytes());
                out.extend(pid.to_le_bytes());
                out.extend(signal.to_le_bytes());
            }
            Self::KillAll => out.push(2),
            Self::Quit => out.push(3),
            Self::Descriptors { id } => {
                out.push(4);
                out.extend(id.to_le_bytes());
            }
        }
        out
    }

    /// The request in a message; `None` if it is none.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut input = Input(bytes);
        let request = match input.byte()? {
            0 => Self::Spawn(Spawn::decode(&mut input)?),
            1 => Self::Signal {
                id: input.u64()?,
                pid: input.i32()?,
                signal: input.i32()?,
            },
            2 => Self::KillAll,
            3 => Self::Quit,
            4 => Self::Descriptors { id: input.u64()? },
            _ => return None,
        };
        input.0.is_empty().then_some(request)
    }
}

impl Spawn {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend(self.id.to_le_bytes());
        put_string(out, &self.program);
        put_count(out, self.args.len());
        for arg in &self.args {
            put_string(out, arg);
        }
        put_count(out, self.env.len());
        for (name, value) in &self.env {
            put_string(out, name);
            put_string(out, value);
        }
        put_optional(out, self.workdir.as_deref());
        put_optional(out, self.namespace.as_deref());
        out.push(u8::from(self.mounts));
        out.push(u8::from(self.identity.is_some()));
        if let Some(Identity { uid, gid, groups }) = &self.identity {
            out.extend(uid.to_le_bytes());
            out.extend(gid.to_le_bytes());
            put_count(out, groups.len());
            for group in groups {
                out.extend(group.to_le_bytes());
            }
        }
        out.extend(self.stdio.map(u8::from));
        put_count(out, self.numbers.len());
        for number in &self.numbers {
            out.extend(number.to_le_bytes());
        }
        out.push(u8::from(self.terminal));
        out.push(u8::from(self.group.is_some()));
        if let Some(group) = self.group {
            out.extend(group.to_le_bytes());
        }
    }

    fn decode(input: &mut Input<'_>) -> Option<Self> {
        Some(Self {
            id: input.u64()?,
            program: input.string()?,
            args: input.list(Input::string)?,
            env: input.list(|input| Some((input.string()?, input.string()?)))?,
            workdir: input.optional(Input::string)?,
            namespace: input.optional(Input::string)?,
            mounts: input.bool()?,
            identity: input.optional(Identity::decode)?,
            stdio: [input.bool()?, input.bool()?, input.bool()?],
            numbers: input.list(Input::i32)?,
            terminal: input.bool()?,
            group: input.optional(Input::i32)?,
        })
    }
}

impl Identity {
    fn decode(input: &mut Input<'_>) -> Option<Self> {
        Some(Self {
            uid: input.u32()?,
            gid: input.u32()?,
            groups: input.list(Input::u32)?,
        })
    }
}

impl Reply {
    /// The message's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(16);
        match self {
            Self::Spawned { id, pid } => {
                out.push(0);
                out.extend(id.to_le_bytes());
                out.extend(pid.to_le_bytes());
            }
            Self::Failed { id, stage, errno } => {
                out.push(1);
                out.extend(id.to_le_bytes());
                out.push(*stage);
                out.extend(errno.to_le_bytes());
            }
            Self::Refused { id } => {
                out.push(2);
                out.extend(id.to_le_bytes());
            }
            Self::Exited { id, exit } => {
                let (by_signal, number) = match exit {
                    Exit::Code(code) => (0, code),
                    Exit::Signal(signal) => (1, signal),
                };
                out.push(3);
                out.extend(id.to_le_bytes());
                out.push(by_signal);
                out.extend(number.to_le_bytes());
            }
            Self::AllGone => out.push(4),
        }
        out
    }

    /// The reply in a message; `None` if it is none.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut input = Input(bytes);
        let reply = match input.byte()? {
            0 => Self::Spawned {
                id: input.u64()?,
                pid: input.i32()?,
            },
            1 => Self::Failed {
                id: input.u64()?,
                stage: input.byte()?,
                errno: input.i32()?,
            },
            2 => Self::Refused { id: input.u64()? },
            3 => Self::Exited {
                id: input.u64()?,
                exit: if input.bool()? {
                    Exit::Signal(input.i32()?)
                } else {
                    Exit::Code(input.i32()?)
                },
            },
            4 => Self::AllGone,
            _ => return None,
        };
        input.0.is_empty().then_some(reply)
    }
}

/// Lengths beyond `u32` make a message that is refused for its length before it is sent.
fn put_count(out: &mut Vec<u8>, count: usize) {
    out.extend(u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
}

fn put_string(out: &mut Vec<u8>, string: &OsStr) {
    put_count(out, string.len());
    out.extend(string.as_bytes());
}

fn put_optional(out: &mut Vec<u8>, string: Option<&OsStr>) {
    out.push(u8::from(string.is_some()));
    if let Some(string) = string {
        put_string(out, string);
    }
}

/// What is left of a message.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(length)?;
        self.0 = tail;
        Some(head)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn byte(&mut self) -> Option<u8> {
        self.array().map(u8::from_le_bytes)
    }

    fn bool(&mut self) -> Option<bool> {
        match self.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn i32(&mut self) -> Option<i32> {
        self.array().map(i32::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn count(&mut self) -> Option<usize> {
        usize::try_from(self.u32()?).ok()
    }

    fn string(&mut self) -> Option<OsString> {
        let length = self.count()?;
        Some(OsString::from_vec(self.take(length)?.to_vec()))
    }

    #[expect(clippy::option_option, reason = "not there is something else than not a message")]
    fn optional<T>(&mut self, item: impl Fn(&mut Self) -> Option<T>) -> Option<Option<T>> {
        Some(if self.bool()? { Some(item(self)?) } else { None })
    }

    /// Grows with what is really there, not with the count that is claimed.
    fn list<T>(&mut self, item: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = self.count()?;
        (0..count).map(|_| item(self)).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_string() -> impl Strategy<Value = OsString> {
        prop::collection::vec(any::<u8>(), 0..40).prop_map(OsString::from_vec)
    }

    fn any_identity() -> impl Strategy<Value = Identity> {
        let groups = prop::collection::vec(any::<u32>(), 0..5);
        (any::<u32>(), any::<u32>(), groups).prop_map(|(uid, gid, groups)| Identity { uid, gid, groups })
    }

    fn any_spawn() -> impl Strategy<Value = Spawn> {
        (
            any::<u64>(),
            any_string(),
            prop::collection::vec(any_string(), 0..5),
            prop::collection::vec((any_string(), any_string()), 0..5),
            prop::option::of(any_string()),
            prop::option::of(any_string()),
            any::<bool>(),
            prop::option::of(any_identity()),
            any::<[bool; 3]>(),
            prop::collection::vec(any::<i32>(), 0..5),
            (any::<bool>(), prop::option::of(any::<i32>())),
        )
            .prop_map(
                |(id, program, args, env, workdir, namespace, mounts, identity, stdio, numbers, (terminal, group))| {
                    Spawn {
                        id,
                        program,
                        args,
                        env,
                        workdir,
                        namespace,
                        mounts,
                        identity,
                        stdio,
                        numbers,
                        terminal,
                        group,
                    }
                },
            )
    }

    proptest! {
        #[test]
        fn a_spawn_survives_the_wire(spawn in any_spawn()) {
            let request = Request::Spawn(spawn);
            prop_assert_eq!(Request::decode(&request.encode()), Some(request));
        }

        #[test]
        fn garbage_is_no_message(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Some(request) = Request::decode(&bytes) {
                prop_assert_eq!(request.encode(), bytes.clone());
            }
            if let Some(reply) = Reply::decode(&bytes) {
                prop_assert_eq!(reply.encode(), bytes);
            }
        }
    }

    #[test]
    fn requests_survive_the_wire() {
        for request in [Request::Descriptors { id: 7 }, Request::KillAll, Request::Quit] {
            assert_eq!(Request::decode(&request.encode()), Some(request));
        }
    }

    #[test]
    fn replies_survive_the_wire() {
        let exits = [Exit::Code(0), Exit::Code(255), Exit::Signal(9)];
        let replies = exits
            .map(|exit| Reply::Exited { id: u64::MAX, exit })
            .into_iter()
            .chain([
                Reply::Spawned { id: 1, pid: 4_194_304 },
                Reply::Failed {
                    id: 2,
                    stage: 4,
                    errno: 2,
                },
                Reply::Refused { id: 3 },
                Reply::AllGone,
            ]);
        for reply in replies {
            assert_eq!(Reply::decode(&reply.encode()), Some(reply));
        }
    }
}
