//! The memory of this process: an engine is there for days, and waits most of the time.

use crate::blocking;

/// Has all threads share one arena of the allocator, where each would get one of its own that it never fills; mallopt(3).
/// To be called before there are threads.
pub fn share_arena() {
    // SAFETY: takes two numbers and touches nothing but the allocator's settings. Where it is refused, things stay as
    // they are.
    unsafe { libc::mallopt(libc::M_ARENA_MAX, 1) };
}

/// Gives memory that is free in the allocator back to the kernel: what was needed once, to bring a lab up, would stay for
/// as long as the lab runs; malloc_trim(3).
pub(crate) async fn give_back() {
    blocking::run(|| {
        // SAFETY: takes a number, and locks what it touches.
        unsafe { libc::malloc_trim(0) };
    })
    .await;
}
