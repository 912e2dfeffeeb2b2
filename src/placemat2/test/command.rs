//! The command that a lab is brought up for.

use std::{
    ffi::OsString,
    fs::File,
    io::{self, ErrorKind},
    path::PathBuf,
    process::ExitStatus,
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use placemat2_engine::host::enter::enter;
use std::os::unix::process::ExitStatusExt as _;
use tokio::{
    process::{Child, Command},
    runtime::Handle,
    time::timeout,
};

use super::outcome::{Outcome, by_signal};

/// What is to be run.
pub struct Wanted {
    /// Program and arguments.
    pub words: Vec<OsString>,
    /// Variables that tell it of the lab.
    pub env: Vec<(&'static str, OsString)>,
    /// Name and file of the namespace to run it in; the host's own if none.
    pub netns: Option<(String, PathBuf)>,
}

/// A command that runs; killed if this is dropped.
pub struct Running(Child);

impl Wanted {
    /// Starts it, with this program's own input and output.
    pub fn start(self) -> Result<Running, Outcome> {
        let Some((program, arguments)) = self.words.split_first() else {
            return Err(cannot_run("no command", &ErrorKind::InvalidInput.into()));
        };
        let shown = program.display().to_string();
        let mut command = Command::new(program);
        command.args(arguments).envs(self.env).kill_on_drop(true);
        let started = match self.netns {
            None => command.spawn(),
            Some((name, file)) => {
                let runtime = Handle::current();
                // A process is born where the thread is that starts it, and a thread that has entered can't come back.
                let inside = std::thread::spawn(move || {
                    let _runtime = runtime.enter();
                    enter(File::open(file)?, &name).map_err(io::Error::other)?;
                    command.spawn()
                });
                inside
                    .join()
                    .unwrap_or_else(|_| Err(io::Error::other("the thread that starts it panicked")))
            }
        };
        started.map(Running).map_err(|error| cannot_run(&shown, &error))
    }
}

fn cannot_run(program: &str, error: &io::Error) -> Outcome {
    Outcome::NoCommand {
        reason: format!("cannot run {program}: {error}"),
        missing: error.kind() == ErrorKind::NotFound,
    }
}

impl Running {
    /// Waits for its end. Cancel safe.
    pub async fn ended(&mut self) -> Outcome {
        match self.0.wait().await {
            Ok(status) => Outcome::Ended(code(status)),
            Err(error) => Outcome::Broken(format!("the command can't be waited for: {error}")),
        }
    }

    /// Ends it: SIGTERM, and SIGKILL if it still runs after `grace`.
    pub async fn stop(mut self, grace: Duration) {
        let pid = self.0.id().and_then(|pid| i32::try_from(pid).ok());
        if let Some(pid) = pid {
            // It may have ended just now, and is a zombie then: its id can't be another's.
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
        if timeout(grace, self.0.wait()).await.is_err() {
            let _ = self.0.kill().await;
        }
    }
}

fn code(status: ExitStatus) -> u8 {
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    code.unwrap_or_else(|| by_signal(status.signal().unwrap_or_default()))
}
