//! HTTP servers: connections taken one by one and bounded, limits on whatever a client sends, and an end in time.
//!
//! The lab's API and the BMCs are served by this. It knows nothing of what is asked and answered.

mod accept;
mod body;
mod connection;

pub use accept::{Listener, accept_all, keep_alive};
pub use body::{BodyError, read_body};
pub use connection::converse;
