//! Answers that go on: numbered items written as they come, for as long as the client listens.
//!
//! A stream keeps nothing but the id of the last item it wrote and reads on from there when the connection can take
//! more. A slow client therefore costs no memory; what left the bounded log meanwhile it does not get.

use std::convert::Infallible;

use axum::body::Body;
use bytes::Bytes;
use futures::{Stream, stream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How many items are written in one piece.
pub const BATCH: usize = 256;

/// A bounded log of items whose ids grow.
pub trait Log: Send + 'static {
    /// Writes the oldest items with an id above `after`, at most [`BATCH`], and returns the last one's id.
    fn write_after(&self, after: u64, out: &mut Vec<u8>) -> Option<u64>;
    /// Changes whenever there may be more.
    fn watch(&self) -> watch::Receiver<u64>;
}

/// What part of a log to write.
pub struct Part {
    /// Written before the first item.
    pub greeting: &'static [u8],
    /// The items with a higher id.
    pub after: u64,
    /// `Some`: waits for more until this is cancelled. `None`: ends with what is there.
    pub follow: Option<CancellationToken>,
}

/// Returns a body that writes this part of a log.
pub fn body(log: impl Log, part: Part) -> Body {
    Body::from_stream(chunks(log, part))
}

fn chunks(log: impl Log, part: Part) -> impl Stream<Item = Result<Bytes, Infallible>> {
    let watch = log.watch();
    let greeting = Some(part.greeting).filter(|greeting| !greeting.is_empty());
    let state = (log, watch, part, greeting);
    stream::unfold(state, async |(log, mut watch, mut part, mut greeting)| {
        if let Some(greeting) = greeting.take() {
            let chunk = Ok(Bytes::from_static(greeting));
            return Some((chunk, (log, watch, part, None)));
        }
        loop {
            watch.borrow_and_update();
            let mut out = Vec::new();
            if let Some(last) = log.write_after(part.after, &mut out) {
                part.after = last;
                return Some((Ok(out.into()), (log, watch, part, None)));
            }
            let cancel = part.follow.as_ref()?;
            let more = tokio::select! {
                changed = watch.changed() => changed.is_ok(),
                () = cancel.cancelled() => false,
            };
            if !more {
                // Once round again: what was logged just before the end is not lost.
                part.follow = None;
            }
        }
    })
}
