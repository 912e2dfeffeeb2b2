//! What ends this program from outside: SIGINT, SIGTERM and SIGHUP (the terminal is gone).

use std::sync::{Arc, OnceLock};

use placemat2_engine::lab::Stop;
use tokio::signal::unix::{SignalKind, signal};

/// Who asked for the end, if somebody did.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    signal: Arc<OnceLock<i32>>,
}

impl Asked {
    /// The number of the first signal that came.
    pub fn by(&self) -> Option<i32> {
        self.signal.get().copied()
    }
}

/// Listens from now on: the first signal asks for the end, the second for haste.
pub fn listen() -> std::io::Result<(Stop, Asked)> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let mut hangup = signal(SignalKind::hangup())?;
    let (stop, asked) = (Stop::default(), Asked::default());
    let (told, first) = (stop.clone(), Arc::clone(&asked.signal));
    tokio::spawn(async move {
        for token in [&told.stop, &told.hurry] {
            let kind = tokio::select! {
                _ = interrupt.recv() => SignalKind::interrupt(),
                _ = terminate.recv() => SignalKind::terminate(),
                _ = hangup.recv() => SignalKind::hangup(),
            };
            // The first one stays.
            let _ = first.set(kind.as_raw_value());
            token.cancel();
        }
    });
    Ok((stop, asked))
}
