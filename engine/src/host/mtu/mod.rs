//! The MTU a lab's links should have: that of the path from this host to the Internet.
//!
//! [`Choice`] says how it is found; [`follow`] tells of each change while the lab runs. Nothing here sets an MTU.

mod choice;
mod error;
mod follow;
mod probe;
mod route;
#[cfg(test)]
mod testing;

pub use choice::Choice;
pub use error::MtuError;
pub use follow::{Follower, follow};
