//! The terminal front end of placemat2: a client of the engine's API, like `pmctl2`.
//!
//! It never reads lab files and never touches the kernel's network: whatever it shows or does goes through the
//! API of a running lab.

pub mod action;
pub mod areas;
pub mod config;
pub mod emulator;
pub mod glyph;
pub mod key;
pub mod keymap;
pub mod model;
pub mod msg;
mod perform;
pub mod run;
pub mod terminal;
#[doc(hidden)]
pub mod testing;
pub mod theme;
pub mod topology;
pub mod update;
pub mod view;
