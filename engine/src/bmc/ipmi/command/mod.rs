//! The commands, by group. Each is a function from bytes to an answer; what it needs is in [`Cx`].

#![allow(
    clippy::unnecessary_wraps,
    reason = "all commands have the shape that their tables ask for"
)]

mod boot;
mod channel;
mod chassis;
mod context;
mod device;
mod dispatch;
mod event;
mod fru;
mod lan;
mod payload;
mod sdr;
mod sel;
mod sensor;
mod session;
mod sol;
mod user;
mod watchdog;

use channel::{CHANNEL, check_channel};
pub use context::{Cx, Then};
pub use dispatch::run;
use dispatch::{Command, command};
