//! All that the screen shows, and all that decides on what a key does. Nothing here waits, reads or writes anything.

pub mod bmc;
pub mod consoles;
pub mod explorer;
mod focus;
pub mod form;
mod history;
pub mod json;
pub mod log;
pub mod map;
pub mod mirror;
pub mod popup;
mod refusal;
pub mod rows;
mod screen;
pub mod secret;
mod settings;
pub mod window;

pub use history::{Command, Notice};
pub use screen::{Model, TreeRow};
pub use settings::{Outcome, Settings};
