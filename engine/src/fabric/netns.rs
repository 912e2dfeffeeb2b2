//! Network namespaces that exist only as file descriptors of this process.

use std::{
    fs::File,
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    path::PathBuf,
    sync::{
        OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use nix::sched::{CloneFlags, setns, unshare};
use tokio_util::sync::CancellationToken;

use super::{
    error::FabricError,
    sysctl::{self, Role},
};

/// More threads than this gain nothing: much of the kernel's work on a namespace holds locks of its own.
const MAX_WORKERS: usize = 8;

/// A network namespace, held by a descriptor that is closed on exec. It goes when the last descriptor, process and
/// socket in it has gone.
#[derive(Debug)]
pub struct Netns {
    name: String,
    fd: OwnedFd,
    mounts: OnceLock<OwnedFd>,
}

impl Netns {
    /// Takes hold of a namespace by its descriptor, under a name for messages.
    pub fn new(name: &str, fd: OwnedFd) -> Self {
        Self {
            name: name.to_owned(),
            fd,
            mounts: OnceLock::new(),
        }
    }

    /// Returns the namespace of the calling thread under a name for messages.
    pub fn current(name: &str) -> Result<Self, FabricError> {
        let fd = File::open("/proc/thread-self/ns/net")
            .map_err(|source| FabricError::Namespace {
                operation: "open",
                name: name.to_owned(),
                source,
            })?
            .into();
        Ok(Self {
            name: name.to_owned(),
            fd,
            mounts: OnceLock::new(),
        })
    }

    /// Returns the name the lab knows it by; nothing on disk has it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns `/proc/PID/fd/N`, which names the namespace for as long as this process holds it.
    pub fn proc_path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/fd/{}", std::process::id(), self.fd.as_raw_fd()))
    }

    /// Returns a descriptor of the namespace of its own, closed on exec.
    pub fn duplicate(&self) -> io::Result<OwnedFd> {
        self.fd.try_clone()
    }

    /// Keeps the mount namespace that programs in here share, for as long as this lasts; the first one stays.
    pub fn keep_mounts(&self, mounts: OwnedFd) {
        let _ = self.mounts.set(mounts);
    }

    /// The mount namespace that programs in here share, if there is one.
    pub fn mounts(&self) -> Option<BorrowedFd<'_>> {
        self.mounts.get().map(AsFd::as_fd)
    }

    /// Runs a closure on a short-lived thread inside the namespace and returns its result. Blocks the caller.
    ///
    /// A panic of the closure goes on in the caller.
    pub fn run<T: Send>(&self, f: impl FnOnce() -> T + Send) -> Result<T, FabricError> {
        on_own_thread("netns", || self.enter().map(|()| f()))?
    }

    /// Moves the calling thread into the namespace, for good: for threads that end soon.
    pub(super) fn enter(&self) -> Result<(), FabricError> {
        setns(&self.fd, CloneFlags::CLONE_NEWNET).map_err(|errno| match errno {
            nix::Error::EPERM => FabricError::Privilege {
                operation: format!("enter the network namespace {:?}", self.name),
                source: errno.into(),
            },
            _ => FabricError::Namespace {
                operation: "enter",
                name: self.name.clone(),
                source: errno.into(),
            },
        })
    }

    /// Makes a namespace and leaves the calling thread in it.
    fn unshare(name: &str, role: Role) -> Result<Self, FabricError> {
        unshare(CloneFlags::CLONE_NEWNET).map_err(|errno| match errno {
            nix::Error::EPERM => FabricError::Privilege {
                operation: format!("make the network namespace {name:?}"),
                source: errno.into(),
            },
            _ => FabricError::Namespace {
                operation: "make",
                name: name.to_owned(),
                source: errno.into(),
            },
        })?;
        sysctl::apply(role, name)?;
        Self::current(name)
    }
}

impl AsFd for Netns {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Makes a namespace on a thread of its own, and runs a closure inside it before the thread ends.
pub fn create<T: Send>(
    name: &str,
    role: Role,
    f: impl FnOnce(&Netns) -> Result<T, FabricError> + Send,
) -> Result<(Netns, T), FabricError> {
    on_own_thread("netns", || {
        let netns = Netns::unshare(name, role)?;
        let value = f(&netns)?;
        Ok((netns, value))
    })?
}

/// Makes many namespaces at a time and returns them in the order of their names.
pub fn create_all(names: &[&str], role: Role, cancel: &CancellationToken) -> Result<Vec<Netns>, FabricError> {
    parallel(names.len(), cancel, |i| {
        let name = names.get(i).copied().unwrap_or_default();
        Netns::unshare(name, role)
    })
}

/// Runs a closure for each number below `count` on a few threads that end with the call, and returns the results in
/// order. The first error stops the others; so does `cancel`.
pub fn parallel<T: Send>(
    count: usize,
    cancel: &CancellationToken,
    f: impl Fn(usize) -> Result<T, FabricError> + Sync,
) -> Result<Vec<T>, FabricError> {
    let next = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    let work = || {
        let mut made = Vec::new();
        while !failed.load(Ordering::Relaxed) {
            let i = next.fetch_add(1, Ordering::Relaxed);
            if i >= count {
                break;
            }
            let result = if cancel.is_cancelled() {
                Err(FabricError::Cancelled)
            } else {
                f(i)
            };
            match result {
                Ok(value) => made.push((i, value)),
                Err(error) => {
                    failed.store(true, Ordering::Relaxed);
                    return Err(error);
                }
            }
        }
        Ok(made)
    };
    let workers = thread::available_parallelism()
        .map_or(1, usize::from)
        .min(MAX_WORKERS)
        .min(count);
    let mut all = thread::scope(|scope| {
        let threads: Result<Vec<_>, _> = (0..workers)
            .map(|_| {
                thread::Builder::new()
                    .name("netns".to_owned())
                    .spawn_scoped(scope, work)
            })
            .collect();
        let threads = threads.map_err(|error| {
            failed.store(true, Ordering::Relaxed);
            FabricError::Thread(error)
        })?;
        let mut all = Vec::with_capacity(count);
        let mut failure = None;
        for thread in threads {
            match thread.join() {
                Ok(Ok(made)) => all.extend(made),
                Ok(Err(error)) => failure = failure.or(Some(error)),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        failure.map_or(Ok(all), Err)
    })?;
    all.sort_unstable_by_key(|(i, _)| *i);
    Ok(all.into_iter().map(|(_, value)| value).collect())
}

/// Runs a closure on a thread that ends with it, so that the namespace it moves to stays its own affair.
fn on_own_thread<T: Send>(name: &str, f: impl FnOnce() -> T + Send) -> Result<T, FabricError> {
    thread::scope(|scope| {
        let thread = thread::Builder::new()
            .name(name.to_owned())
            .spawn_scoped(scope, f)
            .map_err(FabricError::Thread)?;
        thread.join().or_else(|panic| std::panic::resume_unwind(panic))
    })
}
