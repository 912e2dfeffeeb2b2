//! `pmctl2`: looks into running labs and steers them.

use std::process::ExitCode;

use clap::CommandFactory as _;
use clap_complete::CompleteEnv;
use placemat2::{output, pmctl2};

fn main() -> ExitCode {
    // A shell that completes a command line asks this way, and gets no further.
    CompleteEnv::with_factory(pmctl2::Cli::command).complete();
    output::exit_code("pmctl2", pmctl2::run(pmctl2::Cli::from_command_line()))
}
