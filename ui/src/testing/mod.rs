//! A lab as it tells of itself, for tests, benches and the pictures of the documentation: made up, but of the API's types.

mod lab;
mod redfish;

pub use lab::{BOOT, NOW, Shape, events, fill_log, first_app, log, model, state};
pub use redfish::{answer, serve};
