//! What goes wrong with the keeper and with what it starts.

use std::{error::Error, io};

use nix::errno::Errno;

use super::wire::MAX_MESSAGE;
use crate::shortage;

/// What goes wrong with the keeper.
#[derive(Debug, thiserror::Error)]
pub enum KeeperError {
    /// The keeper process could not be started.
    #[error("cannot start the keeper process that looks after the lab's processes: {0}")]
    Start(#[source] io::Error),
    /// The program could not be started.
    #[error("cannot start {program}: {source}")]
    Spawn {
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// The program could not be started because the host is out of something.
    #[error("cannot start {program}: {source}; {}", shortage::remedy(.source).unwrap_or_default())]
    Shortage {
        /// The program.
        program: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// Program, arguments and variables do not fit into one message.
    #[error("cannot start {program}: its arguments and variables take {length} bytes, more than {MAX_MESSAGE}")]
    TooLong {
        /// The program.
        program: String,
        /// Size of the request in bytes.
        length: usize,
    },
    /// [`super::Keeper::kill_all`] was called before.
    #[error("{program} is not started because the lab is being taken down")]
    Closed {
        /// The program.
        program: String,
    },
    /// The keeper itself is gone.
    #[error("the keeper process is gone, and with it every process of the lab")]
    Gone,
}

/// Its working directory can't be entered; the whole sentence.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct NoWorkdir(String);

impl KeeperError {
    /// Whether a program could not be started because of its working directory.
    pub fn is_of_workdir(&self) -> bool {
        let of_workdir = |error: &io::Error| error.get_ref().is_some_and(<dyn Error + Send + Sync>::is::<NoWorkdir>);
        matches!(self, Self::Spawn { source, .. } if of_workdir(source))
    }

    /// That the kernel refused to start a program in this way.
    pub(super) fn refused(program: String, source: io::Error) -> Self {
        match shortage::remedy(&source) {
            Some(_) => Self::Shortage { program, source },
            None => Self::Spawn { program, source },
        }
    }

    /// `advice` on the program if it is what is wrong, or nothing.
    pub(crate) fn advice(&self, advice: &'static str) -> &'static str {
        match self {
            Self::Spawn { source, .. } if source.kind() != io::ErrorKind::Other => advice,
            _ => "",
        }
    }
}

/// The step at which the start of a program failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Stage {
    /// No process could be made.
    Fork = 0,
    /// The namespace could not be entered.
    Namespace = 1,
    /// The working directory could not be entered.
    Workdir = 2,
    /// Descriptors could not be brought to their numbers.
    Descriptors = 3,
    /// The program could not be executed.
    Exec = 4,
    /// Its stdin could not become its controlling terminal.
    Terminal = 5,
    /// The user it was to run as could not be become.
    Identity = 6,
}

impl Stage {
    /// The stage with that number on the wire.
    pub fn from_number(number: u8) -> Option<Self> {
        [
            Self::Fork,
            Self::Namespace,
            Self::Workdir,
            Self::Descriptors,
            Self::Exec,
            Self::Terminal,
            Self::Identity,
        ]
        .into_iter()
        .find(|stage| *stage as u8 == number)
    }

    /// The error as the user shall read it. Its kind is that of `errno` if it is the program's own fault.
    pub fn describe(self, errno: i32, program: &str, namespace: Option<&str>, workdir: Option<&str>) -> io::Error {
        let cause = io::Error::from_raw_os_error(errno);
        let text = match self {
            Self::Fork => format!("no process can be made: {cause}"),
            Self::Namespace => format!("namespace {} cannot be entered: {cause}", namespace.unwrap_or("?")),
            Self::Workdir => format!(
                "its working directory {} cannot be entered: {cause}",
                workdir.unwrap_or("?")
            ),
            Self::Terminal => format!("its standard input cannot become its controlling terminal: {cause}"),
            Self::Descriptors => format!("its descriptors cannot be brought to their numbers: {cause}"),
            Self::Identity => format!("it cannot be run as the user it is meant to: {cause}"),
            Self::Exec if errno == Errno::ENOENT as i32 && !program.contains('/') => {
                "there is no such program in PATH".to_owned()
            }
            Self::Exec if errno == Errno::ENOENT as i32 => {
                "the file, or the interpreter named in its first line, does not exist".to_owned()
            }
            Self::Exec => cause.to_string(),
        };
        match self {
            Self::Exec => io::Error::new(cause.kind(), text),
            Self::Workdir => io::Error::other(NoWorkdir(text)),
            _ => io::Error::other(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_is_about_what_is_wrong() {
        let of = |errno: Errno| KeeperError::refused("bird".into(), io::Error::from(errno));
        let missing = of(Errno::ENOENT);
        assert_eq!(missing.advice("; install it"), "; install it");
        let short = of(Errno::EMFILE);
        assert_eq!(short.advice("; install it"), "");
        assert!(short.to_string().ends_with("(ulimit -n)"), "{short}");
        assert_eq!(KeeperError::Gone.advice("; install it"), "");
    }

    #[test]
    fn only_a_program_is_told_by_the_kind_of_its_error() {
        let refused = Errno::EACCES as i32;
        let kind = |stage: Stage| stage.describe(refused, "init.sh", Some("core"), Some("/root")).kind();
        assert_eq!(kind(Stage::Exec), io::ErrorKind::PermissionDenied);
        for stage in [Stage::Namespace, Stage::Workdir, Stage::Identity] {
            assert_eq!(kind(stage), io::ErrorKind::Other);
        }
        let of_workdir = |stage: Stage| {
            let (program, source) = ("bird".to_owned(), stage.describe(refused, "bird", None, Some("/none")));
            KeeperError::Spawn { program, source }.is_of_workdir()
        };
        assert!(of_workdir(Stage::Workdir) && !of_workdir(Stage::Exec) && !of_workdir(Stage::Namespace));
    }
}
