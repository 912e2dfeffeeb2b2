//! The commands `placemat2` and `pmctl2`: argument parsing, dispatch and output; all else is the engine's.

mod completion;
pub mod output;
pub mod placemat2;
pub mod pmctl2;
pub mod reference;
mod switch;
