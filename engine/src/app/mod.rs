//! What runs inside a namespace: init scripts, then apps, with their output.
//!
//! Processes are the keeper's business, namespaces are the fabric's: this folder is given both, and tells the store what
//! becomes of each app.

mod backoff;
mod capture;
mod file;
pub mod init;
mod lines;
pub mod log;
mod supervisor;

pub use file::LogFiles;
pub use supervisor::{App, AppError};
