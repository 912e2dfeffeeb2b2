//! `pmctl2 netns exec`: becomes another program inside a namespace.

use std::{
    ffi::OsString,
    fs::File,
    io::{self, ErrorKind},
    os::unix::process::CommandExt,
    path::Path,
    process::{Command, ExitCode},
};

use anyhow::{anyhow, bail};
use clap::Args;
use placemat2_engine::{
    client::Client,
    host::{enter::enter, whose::lab_of_namespace},
};

use super::{
    connect::{Session, Target},
    listing::field,
};
use crate::output;

/// Where namespaces are found by name; see ip-netns(8).
const NETNS_DIR: &str = "/run/netns";

/// Exit status when the command was found but cannot be run, as shells have it.
const CANNOT_RUN: u8 = 126;

/// Exit status when there is no such command, as shells have it.
const NOT_FOUND: u8 = 127;

/// Arguments of `pmctl2 netns exec`
#[derive(Debug, Args)]
#[command(
    after_help = "The exit status is that of the command; 126 if it cannot be run, 127 if there is none of that \
                        name.\n\nInside, /sys shows the namespace's devices, and files in /etc/netns/NAME cover those \
                        in /etc. With --lab or --endpoint the namespace has to be that lab's."
)]
pub struct Exec {
    /// Name of the namespace
    #[arg(add = super::complete::namespaces())]
    name: String,
    /// The command with its arguments
    #[arg(
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "COMMAND"
    )]
    command: Vec<OsString>,
}

impl Exec {
    /// Becomes the command, in a namespace of the lab if one was chosen; returns only if that fails. To be called while the process
    /// has one thread.
    pub fn run(&self, target: Target) -> anyhow::Result<ExitCode> {
        self.open()?;
        if let Some(lab) = chosen(target)? {
            self.check_lab(&lab)?;
        }
        self.become_command()
    }

    /// Becomes the command, in the namespace of that name on this host.
    pub fn become_command(&self) -> anyhow::Result<ExitCode> {
        let Some((program, arguments)) = self.command.split_first() else {
            bail!("there is no command to run");
        };
        enter(self.open()?, &self.name)?;
        let error = Command::new(program).args(arguments).exec();
        output::remark("pmctl2", &format!("cannot run {}: {error}", program.display()));
        let status = if error.kind() == ErrorKind::NotFound {
            NOT_FOUND
        } else {
            CANNOT_RUN
        };
        Ok(status.into())
    }

    /// The names of two labs' namespaces are all in one directory.
    fn check_lab(&self, lab: &str) -> anyhow::Result<()> {
        let name = &self.name;
        match lab_of_namespace(Path::new(NETNS_DIR), name) {
            Some(owner) if owner == lab => Ok(()),
            Some(owner) => bail!("the namespace {name:?} belongs to the lab {owner:?}, not to {lab:?}"),
            None => bail!(
                "the namespace {name:?} does not belong to the lab {lab:?}: `pmctl2 netns list --lab {lab}` shows those that do"
            ),
        }
    }

    fn open(&self) -> anyhow::Result<File> {
        let name = &self.name;
        if name.is_empty() || name == "." || name == ".." || name.contains(['/', '\0']) {
            bail!("{name:?} is not the name of a namespace");
        }
        let path = Path::new(NETNS_DIR).join(name);
        File::open(&path).map_err(|error: io::Error| match error.kind() {
            ErrorKind::NotFound => {
                anyhow!("there is no namespace {name:?} on this host: `pmctl2 netns list` shows those of a lab")
            }
            _ => anyhow!("cannot open the namespace {}: {error}", path.display()),
        })
    }
}

/// The name of the lab that was chosen; `None` if none was.
fn chosen(target: Target) -> anyhow::Result<Option<String>> {
    match target {
        Target { endpoint: None, lab } => Ok(lab),
        target => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let lab = runtime.block_on(async { Session::open(target)?.get(&Client::path(&["lab"])).await })?;
            Ok(Some(field(&lab, "name")))
        }
    }
}
