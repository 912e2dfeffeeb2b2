//! Where the log goes: stderr, and a file in the lab's directory.

use std::{
    io::{self, IsTerminal as _},
    path::Path,
};

use tracing_appender::{
    non_blocking::WorkerGuard,
    rolling::{RollingFileAppender, Rotation},
};
use tracing_subscriber::{EnvFilter, Layer as _, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use super::cli::{LogArgs, LogFormat};
use crate::output;

/// How many days of log are kept in the lab's directory.
const DAYS: usize = 7;

/// Starts logging to stderr and to `engine.log.DATE` in `directory`. The file gets its last lines when the guard is
/// dropped; it goes with the lab's directory.
pub fn start(args: &LogArgs, directory: &Path) -> anyhow::Result<WorkerGuard> {
    let filter = |level: &str| {
        EnvFilter::try_new(level).map_err(|error| anyhow::anyhow!("`--log-level {level}` is not a log filter: {error}"))
    };
    let file = RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix("engine.log")
        .max_log_files(DAYS)
        .build(directory)?;
    let (file, guard) = tracing_appender::non_blocking(file);
    let stderr = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_target(false);
    let stderr = match args.log_format {
        LogFormat::Text => stderr
            .with_ansi(io::stderr().is_terminal() && output::color_is_welcome())
            .boxed(),
        LogFormat::Json => stderr.json().flatten_event(true).boxed(),
    };
    let file = tracing_subscriber::fmt::layer().with_writer(file).with_ansi(false);
    let file = match args.log_format {
        LogFormat::Text => file.boxed(),
        LogFormat::Json => file.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry()
        .with(stderr.with_filter(filter(if args.quiet { "error" } else { &args.log_level })?))
        .with(file.with_filter(filter(&args.log_level)?))
        .try_init()?;
    Ok(guard)
}
