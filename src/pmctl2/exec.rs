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
use placemat2_engine::host::enter::enter;

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
                        in /etc."
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
    /// Becomes the command; returns only if that fails. To be called while the process has one thread.
    pub fn run(&self) -> anyhow::Result<ExitCode> {
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
