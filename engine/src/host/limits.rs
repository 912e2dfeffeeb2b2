//! How many descriptors this process may hold.

use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};

/// Raises the soft limit on open files to the hard one: every namespace, tap and app of a lab holds some. Programs started
/// from here on inherit it, and those that use select(2) can't live with it; so not before the keeper is there, which
/// starts the lab's. Returns what the soft limit was.
pub fn raise_open_files() -> nix::Result<rlim_t> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft < hard {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    }
    Ok(soft)
}

/// Sets the soft limit on open files, as far as the hard one allows.
pub fn set_open_files(soft: rlim_t) -> nix::Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, soft.min(hard), hard)
}
