//! Work that blocks (system calls that wait for a lock of the kernel, files, short runs of programs), kept off the threads
//! of the runtime.

use std::panic;

/// Runs `work` on a thread that may block, and returns what it does; a panic goes on in the caller. If the caller gives up
/// waiting, the work is done to its end all the same.
pub(crate) async fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => panic::resume_unwind(panic),
            // Only a runtime that is shutting down cancels it, and then nobody waits.
            Err(_) => std::future::pending().await,
        },
    }
}
