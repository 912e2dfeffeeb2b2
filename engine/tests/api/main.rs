//! The API as its clients see it: a real server on real sockets, over a store and a control made for the test.

// Outside of #[test] functions, too, a test may give up.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod consoles;
mod endpoints;
mod faults;
mod lab;
mod logs;
mod streams;
