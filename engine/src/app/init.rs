//! Init scripts: what prepares a namespace before its apps are started.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use nix::sys::signal::Signal;
use tokio::time::sleep;

use super::{capture::Capture, log::AppLog};
use crate::{
    fabric::Netns,
    keeper::{Command, Exit, Inside, Keeper, KeeperError},
};

/// How many of the last lines of output an error shows.
const LINES_SHOWN: usize = 20;

/// How many characters of each.
const WIDTH_SHOWN: usize = 500;

/// Why the init scripts of a namespace failed.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// One could not be started.
    #[error("an init script of namespace {namespace} cannot run: {source}{}", remedy(.source))]
    Start {
        /// The namespace.
        namespace: String,
        /// Why.
        source: KeeperError,
    },
    /// No descriptors for it.
    #[error("init script {} of namespace {namespace} cannot run: no pipe for its output: {source}", .script.display())]
    Output {
        /// The namespace.
        namespace: String,
        /// The script.
        script: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// One failed.
    #[error("init script {} of namespace {namespace} {exit}{output}", .script.display())]
    Failed {
        /// The namespace.
        namespace: String,
        /// The script.
        script: PathBuf,
        /// How it ended.
        exit: Exit,
        /// What it wrote last, as part of a sentence.
        output: String,
    },
    /// One did not end in time.
    #[error(
        "init script {} of namespace {namespace} was killed because it did not end within {limit:?} (`--init-timeout` \
         gives it more){output}",
        .script.display()
    )]
    TimedOut {
        /// The namespace.
        namespace: String,
        /// The script.
        script: PathBuf,
        /// How long it was given.
        limit: Duration,
        /// What it wrote last, as part of a sentence.
        output: String,
    },
}

fn remedy(error: &KeeperError) -> &'static str {
    match error {
        KeeperError::Spawn { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
            "; make it executable with `chmod +x`"
        }
        _ => "",
    }
}

/// Runs scripts one after another in a namespace; each may take `limit`. What they write goes to the log and to tracing.
///
/// What a script leaves running in the background goes on, and its output too.
pub async fn run(
    scripts: &[PathBuf],
    netns: &Netns,
    keeper: &Keeper,
    workdir: &Path,
    limit: Duration,
    log: &Arc<AppLog>,
) -> Result<(), InitError> {
    for script in scripts {
        run_one(script, netns, keeper, workdir, limit, log).await?;
    }
    Ok(())
}

async fn run_one(
    script: &Path,
    netns: &Netns,
    keeper: &Keeper,
    workdir: &Path,
    limit: Duration,
    log: &Arc<AppLog>,
) -> Result<(), InitError> {
    let output_error = |source| InitError::Output {
        namespace: netns.name().to_owned(),
        script: script.to_owned(),
        source,
    };
    // One pipe for both streams, so that their lines stay in order.
    let (mut capture, writer) = Capture::new(log, "output").map_err(output_error)?;
    let mut command = Command::new(script);
    command.workdir = Some(workdir.to_owned());
    command.namespace = Some(Inside::of(netns).map_err(output_error)?);
    command.stderr = Some(writer.try_clone().map_err(output_error)?);
    command.stdout = Some(writer);
    let mut seen = *log.watch().borrow();
    let first = seen;
    let mut process = keeper.spawn(command).await.map_err(|source| InitError::Start {
        namespace: netns.name().to_owned(),
        source,
    })?;

    let mut deadline = std::pin::pin!(sleep(limit));
    let mut timed_out = false;
    let exit = loop {
        tokio::select! {
            exit = process.wait() => break exit,
            () = capture.readable() => {
                capture.take().await;
                trace(log, &mut seen, netns, script);
            }
            () = &mut deadline, if !timed_out => {
                timed_out = true;
                process.signal(Signal::SIGKILL);
            }
        }
    };
    // What it wrote is all in the pipe by now. The end of the pipe may never come: something in the background holds it.
    if capture.take().await {
        tokio::spawn(capture.run());
    }
    trace(log, &mut seen, netns, script);

    let (namespace, script) = (netns.name().to_owned(), script.to_owned());
    let output = || last_lines(log, first);
    match exit {
        _ if timed_out => Err(InitError::TimedOut {
            namespace,
            script,
            limit,
            output: output(),
        }),
        Exit::Code(0) => Ok(()),
        exit => Err(InitError::Failed {
            namespace,
            script,
            exit,
            output: output(),
        }),
    }
}

/// Passes the lines after `seen` on to tracing.
fn trace(log: &AppLog, seen: &mut u64, netns: &Netns, script: &Path) {
    for line in log.lines_after(*seen, usize::MAX) {
        *seen = line.id;
        tracing::info!(namespace = netns.name(), script = %script.display(), "{}", line.text);
    }
}

/// The last lines after number `first`, as the end of an error's sentence.
fn last_lines(log: &AppLog, first: u64) -> String {
    let lines = log.tail(LINES_SHOWN);
    let own: Vec<_> = lines
        .iter()
        .filter(|line| line.id > first)
        .map(|line| line.text.chars().take(WIDTH_SHOWN).collect::<String>())
        .map(|text| format!("\n    {text}"))
        .collect();
    if own.is_empty() {
        "; it wrote nothing".to_owned()
    } else {
        format!("; the end of its output:{}", own.concat())
    }
}
