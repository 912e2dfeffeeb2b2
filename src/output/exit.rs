//! How a command ends.

use std::{
    io::{self, ErrorKind},
    process::ExitCode,
};

use placemat2_engine::causes::with_causes;

use super::{ReaderGone, remark};

/// Returns the exit status of a command, having told what went wrong.
pub fn exit_code(program: &str, outcome: anyhow::Result<ExitCode>) -> ExitCode {
    match outcome {
        Ok(code) => code,
        Err(error) if is_reader_gone(&error) => ExitCode::SUCCESS,
        Err(error) => {
            remark(program, &with_causes(&*error));
            ExitCode::FAILURE
        }
    }
}

/// Tells of what went wrong beside the main thing.
pub fn tell(program: &str, outcome: anyhow::Result<()>) {
    if let Err(error) = outcome {
        remark(program, &format!("{error:#}"));
    }
}

/// Whether all that went wrong is that nobody reads standard output any more. Streams of bytes tell it by the pipe's own error; that
/// a far end which is written to has gone is never an error of theirs.
fn is_reader_gone(error: &anyhow::Error) -> bool {
    let broken = |error: &io::Error| error.kind() == ErrorKind::BrokenPipe;
    error.is::<ReaderGone>() || error.downcast_ref().is_some_and(broken)
}
