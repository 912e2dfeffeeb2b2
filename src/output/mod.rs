//! The only place that writes to standard output and standard error, and that decides on the exit status.
//!
//! Exit statuses: 0 done, 1 failed, 2 wrong usage (clap's own). A reader that has seen enough (`| head`) is no failure.

mod exit;
mod stderr;
mod stdout;
mod visible;
mod yaml;

pub use exit::{exit_code, tell};
pub use stderr::{color_is_welcome, hold_up_nobody, is_quiet, keep_quiet, note, remark, remarks};
pub use stdout::{ReaderGone, bytes, indented_json, json, line, stdout_is_terminal, text, yaml};
pub use visible::{Visible, last_lines};
