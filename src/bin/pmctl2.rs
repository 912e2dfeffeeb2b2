//! `pmctl2`: looks into running labs and steers them.

use std::process::ExitCode;

use placemat2::{output, pmctl2};

fn main() -> ExitCode {
    output::exit_code("pmctl2", pmctl2::run(pmctl2::Cli::from_command_line()))
}
