//! The console as people use it: the real program on a real terminal, against a scripted lab and against real ones.

#![cfg(test)]

#[path = "../support/pty.rs"]
#[allow(dead_code, reason = "a benchmark uses the rest")]
mod pty;
mod real;
mod script;
mod scripted;
#[path = "../support/mod.rs"]
mod support;
