//! HTTP servers: limits on whatever a client sends, and an end in time.
//!
//! The lab's API and the BMCs are served by this. It knows nothing of what is asked and answered.

mod body;
mod connection;

pub use body::{BodyError, read_body};
pub use connection::converse;
