//! The mark of what a BMC asks of servers for its users. The host's own servers on loopback can't see by its address that
//! it was not somebody of the host who asks.

use axum::http::{HeaderName, HeaderValue, header};

/// The header of every request that a BMC sends for a user, to wherever that says: the lab's API refuses what has it.
pub const ERRAND: HeaderName = HeaderName::from_static("placemat2-bmc-errand");

/// What the header says: that it is there is what counts.
pub const ERRAND_VALUE: HeaderValue = HeaderValue::from_static("1");

/// Whether a user can't have that header sent along: those that make a request what it is, and the mark.
pub fn is_reserved(name: &HeaderName) -> bool {
    const FRAMING: [HeaderName; 7] = [
        header::CONNECTION,
        header::CONTENT_LENGTH,
        header::HOST,
        header::TE,
        header::TRAILER,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
    ];
    *name == ERRAND || FRAMING.contains(name)
}
