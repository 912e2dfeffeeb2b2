//! Where the log goes: stderr, and a file in the lab's directory. Threads of their own write both, so that nobody who does
//! not read, and no disk that hangs, keeps a lab from being looked after.

use std::{
    io::{self, IsTerminal as _, Write as _},
    path::Path,
    sync::{Arc, OnceLock},
};

use tracing_appender::{
    non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard},
    rolling::{RollingFileAppender, Rotation},
};
use tracing_subscriber::{
    EnvFilter, Layer as _,
    fmt::{MakeWriter, writer::OptionalWriter},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use super::cli::{LogArgs, LogFormat};
use crate::output;

/// How many days of log are kept in the lab's directory.
const DAYS: usize = 7;

/// How many lines may wait for whoever reads stderr: more than a large lab writes while a terminal catches up. What comes on
/// top is lost.
const WAITING: usize = 1 << 14;

/// The log of this process. It gets its last lines when this is dropped, which takes some two seconds at most.
pub struct Log {
    // Dropped first: it may have something to tell.
    stderr: Stderr,
    file: File,
}

/// Starts logging to stderr.
pub fn start(args: &LogArgs) -> anyhow::Result<Log> {
    let filter = |level: &str| {
        EnvFilter::try_new(level).map_err(|error| anyhow::anyhow!("`--log-level {level}` is not a log filter: {error}"))
    };
    let (of_stderr, of_file) = (
        filter(if args.quiet { "error" } else { &args.log_level })?,
        filter(&args.log_level)?,
    );
    output::hold_up_nobody();
    let log = Log {
        stderr: Stderr::start(),
        file: File::default(),
    };
    let stderr = tracing_subscriber::fmt::layer()
        .with_writer(log.stderr.writer.clone())
        .with_target(false);
    let stderr = match args.log_format {
        LogFormat::Text => stderr
            .with_ansi(io::stderr().is_terminal() && output::color_is_welcome())
            .boxed(),
        LogFormat::Json => stderr.json().flatten_event(true).boxed(),
    };
    let file = tracing_subscriber::fmt::layer()
        .with_writer(log.file.writer.clone())
        .with_ansi(false);
    let file = match args.log_format {
        LogFormat::Text => file.boxed(),
        LogFormat::Json => file.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry()
        .with(stderr.with_filter(of_stderr))
        .with(file.with_filter(of_file))
        .try_init()?;
    Ok(log)
}

impl Log {
    /// Has what is logged from now on written to `engine.log.DATE` in `directory`, too. In the lab's directory the file goes
    /// with that.
    pub fn keep_in(&mut self, directory: &Path) -> anyhow::Result<()> {
        let file = RollingFileAppender::builder()
            .rotation(Rotation::DAILY)
            .filename_prefix("engine.log")
            .max_log_files(DAYS)
            .build(directory)?;
        let (writer, guard) = tracing_appender::non_blocking(file);
        self.file.guard = Some(guard);
        // This is done once.
        let _ = self.file.writer.0.set(writer);
        Ok(())
    }
}

/// The log's file, once there is one.
#[derive(Default)]
struct File {
    writer: Later,
    guard: Option<WorkerGuard>,
}

/// Writes nothing until it is known where to.
#[derive(Clone, Default)]
struct Later(Arc<OnceLock<NonBlocking>>);

impl MakeWriter<'_> for Later {
    type Writer = OptionalWriter<NonBlocking>;

    fn make_writer(&self) -> Self::Writer {
        self.0
            .get()
            .cloned()
            .map_or_else(OptionalWriter::none, OptionalWriter::some)
    }
}

/// What is logged to stderr.
struct Stderr {
    writer: NonBlocking,
    guard: Option<WorkerGuard>,
}

impl Stderr {
    fn start() -> Self {
        let builder = NonBlockingBuilder::default().buffered_lines_limit(WAITING);
        let (writer, guard) = builder.thread_name("log-stderr").finish(io::stderr());
        Self {
            writer,
            guard: Some(guard),
        }
    }
}

impl Drop for Stderr {
    fn drop(&mut self) {
        let lost = self.writer.error_counter().dropped_lines();
        // A guard that finds no room for its own message writes to stdout, where often nobody reads either. A line of nothing
        // finds out.
        let _ = self.writer.write(b"");
        let full = self.writer.error_counter().dropped_lines() > lost;
        match self.guard.take() {
            Some(guard) if full => std::mem::forget(guard),
            guard => drop(guard),
        }
        if lost > 0 {
            let words = format!("{lost} lines of the log are lost: nobody read standard error");
            output::remark("placemat2", &words);
        }
    }
}
