//! How many descriptors this process may hold.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Raises the soft limit on open files to the hard one: every namespace, tap and app of a lab holds some. Programs started
/// from here on inherit it, and those that use select(2) can't live with it; so not before the keeper is there, which
/// starts the lab's.
pub fn raise_open_files() -> nix::Result<()> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft < hard {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    }
    Ok(())
}
