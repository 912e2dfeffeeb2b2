//! What ends this program from outside: SIGINT, SIGTERM and SIGHUP (the terminal is gone), the latter unless whoever started it had it
//! ignored, as `nohup` does. SIGINT is heard in any case: shells have it ignored in all that scripts start in the background, and
//! scripts send it to have a lab taken down.

use std::{
    fs,
    sync::{Arc, OnceLock},
};

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
    let hangup = SignalKind::hangup();
    let mut hangup = (!is_ignored(hangup)).then(|| signal(hangup)).transpose()?;
    let (stop, asked) = (Stop::default(), Asked::default());
    let (told, first) = (stop.clone(), Arc::clone(&asked.signal));
    tokio::spawn(async move {
        for token in [&told.stop, &told.hurry] {
            let kind = tokio::select! {
                _ = interrupt.recv() => SignalKind::interrupt(),
                _ = terminate.recv() => SignalKind::terminate(),
                Some(()) = async { hangup.as_mut()?.recv().await } => SignalKind::hangup(),
            };
            // The first one stays.
            let _ = first.set(kind.as_raw_value());
            token.cancel();
        }
    });
    Ok((stop, asked))
}

/// Whether a signal is ignored, by the kernel's mask of those that are (proc_pid_status(5)).
fn is_ignored(kind: SignalKind) -> bool {
    fs::read_to_string("/proc/self/status").is_ok_and(|status| ignores(&status, kind.as_raw_value()))
}

/// The same, by that file. The lowest bit stands for signal 1.
fn ignores(status: &str, signal: i32) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_tells_what_is_ignored() {
        let status = "SigBlk:\t0000000000000001\nSigIgn:\t0000000000001001\nSigCgt:\t0000000000000002\n";
        assert!(ignores(status, 1) && ignores(status, 13));
        assert!(!ignores(status, 2) && !ignores(status, 15) && !ignores("", 1));
        // What Rust has every program ignore.
        assert!(is_ignored(SignalKind::pipe()) && !is_ignored(SignalKind::hangup()));
    }
}
