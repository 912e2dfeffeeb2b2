//! The commands of `pmctl2`, one file each. They know the API of a lab and nothing else of it.

mod app;
mod app_name;
mod bmc;
mod cli;
pub(crate) mod complete;
mod connect;
mod console_log;
mod converse;
mod each;
mod enter;
mod escape;
mod events;
mod exec;
mod expect;
mod forward;
mod graph;
mod link;
mod listing;
mod logs;
mod meant;
mod net;
mod netns;
mod node;
mod power;
mod redfish;
mod replay;
mod screenshot;
mod shell;
mod ssh;
mod status;
mod stdio;
mod terminal;
mod tunnel;
mod typing;
mod wait;

pub use cli::{Cli, run};
