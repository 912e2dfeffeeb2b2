//! `placemat2 test`: a lab that is brought up for one command, and taken down when that has ended.

mod bundle;
mod command;
mod drive;
mod junit;
mod outcome;
mod run;

pub use run::run;
