//! A running lab: brings up what a plan says, keeps it true while it runs, and takes it down again.
//!
//! This folder decides what happens when: which step waits for which, what a failure or a signal ends, and in which order
//! things go. How a thing is made is the business of `fabric`, `host`, `app` and `node`.

mod addresses;
mod attempt;
mod bmc;
mod bring_up;
mod control;
mod dependencies;
mod error;
mod initial;
mod made;
mod observer;
mod preflight;
mod reach;
mod readiness;
mod run;
mod steps;
mod take_down;
mod undone;

pub use error::LabError;
pub use initial::About;
pub use observer::Observer;
pub use run::{Settings, Stop, acquire, run};
