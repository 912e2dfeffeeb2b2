//! The command `placemat2`: its command line and what each of its commands does.

mod bmc_users;
mod checked;
mod cleanup;
mod cli;
mod config;
mod demo;
mod dispatch;
mod doctor;
mod log_level;
mod logging;
mod man;
mod migrate;
mod plan;
mod prepare;
mod retyped;
mod run;
mod schema;
mod settled;
mod signals;
mod test;
mod timings;
mod ui;
mod validate;
mod watch;

pub use cli::Cli;
pub use dispatch::main;
