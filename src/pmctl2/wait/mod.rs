//! `pmctl2 wait`: waits until nodes, namespaces and apps are as they are to be. Follows the lab's own stream of changes.

mod command;
mod console;
mod followed;
mod goal;
mod lab;

pub use command::Wait;
