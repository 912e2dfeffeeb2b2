//! Taps: the fabric's ends of virtual machines' NICs.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read},
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::fs::OpenOptionsExt,
    },
    sync::Arc,
};

use nix::errno::Errno;

use super::{carrier::Carriers, ifreq};

/// Frames a queue may hold that nobody has read: the kernel's `txqueuelen` of a tap is 500 or 1000.
const MAX_QUEUED: usize = 4096;

/// The kernel's limit of queues of a tap (`MAX_TAP_QUEUES`).
const MAX_QUEUES: u32 = 256;

/// Flags of the `TUNSETIFF` and `TUNSETQUEUE` ioctls (`linux/if_tun.h`), as they fit `ifr_flags`.
mod flags {
    pub const TAP: i32 = libc::IFF_TAP | libc::IFF_NO_PI | libc::IFF_VNET_HDR;
    pub const MULTI_QUEUE: i32 = libc::IFF_MULTI_QUEUE;
    pub const ATTACH_QUEUE: i32 = libc::IFF_ATTACH_QUEUE;
    #[cfg(test)]
    pub const DETACH_QUEUE: i32 = libc::IFF_DETACH_QUEUE;
}

/// The ioctls of `linux/if_tun.h` that are used here.
mod ioctl {
    nix::ioctl_write_ptr_bad!(
        set_iff,
        nix::request_code_write!(b'T', 202, size_of::<libc::c_int>()),
        libc::ifreq
    );
    nix::ioctl_write_ptr_bad!(
        set_queue,
        nix::request_code_write!(b'T', 217, size_of::<libc::c_int>()),
        libc::ifreq
    );
    nix::ioctl_write_ptr!(set_ifindex, b'T', 218, libc::c_uint);
    nix::ioctl_write_ptr!(set_carrier, b'T', 226, libc::c_int);
}

/// A tap in the fabric, held open by the engine over power cycles of its node.
///
/// Frames carry a virtio-net header of 10 bytes in front (`IFF_VNET_HDR`) until QEMU sets another size.
#[derive(Debug)]
pub struct Tap {
    name: String,
    queues: Vec<File>,
    carriers: Arc<Carriers>,
}

impl Tap {
    /// Makes a tap in the calling thread's network namespace, with the cable out. `carriers` is of the
    /// same namespace.
    ///
    /// With one queue it is a plain tap: the kernel gives every multi-queue tap room for 256.
    pub(super) fn create(name: &str, index: u32, queues: u32, carriers: Arc<Carriers>) -> Result<Self, TapError> {
        if !(1..=MAX_QUEUES).contains(&queues) {
            return Err(TapError {
                operation: "make",
                source: Errno::E2BIG.into(),
            });
        }
        let mode = if queues > 1 {
            flags::TAP | flags::MULTI_QUEUE
        } else {
            flags::TAP
        };
        let request = interface_request(name, mode).map_err(TapError::during("name"))?;
        let mut files = Vec::new();
        for n in 0..queues {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .custom_flags(libc::O_NONBLOCK)
                .open("/dev/net/tun")
                .map_err(TapError::during("open /dev/net/tun for"))?;
            if n == 0 {
                // SAFETY: `file` is open, and the kernel reads one unsigned int.
                unsafe { ioctl::set_ifindex(file.as_raw_fd(), &raw const index) }
                    .map_err(TapError::during("number"))?;
            }
            // SAFETY: `file` is open, and the kernel reads (and fills the name of) one `ifreq`, which is its own copy.
            unsafe { ioctl::set_iff(file.as_raw_fd(), &raw const request) }.map_err(TapError::during("make"))?;
            files.push(file);
        }
        let tap = Self {
            name: name.to_owned(),
            queues: files,
            carriers,
        };
        tap.set_carrier(false).map_err(TapError::during("unplug"))?;
        Ok(tap)
    }

    /// Returns duplicates of its queues' descriptors, to hand to QEMU; closed on exec.
    ///
    /// What an earlier QEMU left is undone first: queues that its guest did not use are attached again, and frames it
    /// did not read are dropped. To be called while no QEMU has the queues.
    pub fn queues(&self) -> io::Result<Vec<OwnedFd>> {
        for file in &self.queues {
            self.attach(file)?;
            drain(file);
        }
        self.queues
            .iter()
            .map(|file| file.try_clone().map(OwnedFd::from))
            .collect()
    }

    /// Plugs the cable in or out (`TUNSETCARRIER`, Linux 5.0): out while the node is off, so that nothing queues up. The bridge knows when
    /// this returns. Blocks while the kernel is busy with links.
    pub fn set_carrier(&self, up: bool) -> io::Result<()> {
        let value = libc::c_int::from(up);
        let Some(file) = self.queues.first() else { return Ok(()) };
        // SAFETY: `file` is open, and the kernel reads one int.
        unsafe { ioctl::set_carrier(file.as_raw_fd(), &raw const value) }?;
        self.carriers.settle([self.name.as_str()]);
        Ok(())
    }

    /// Detaches a queue as QEMU does.
    #[cfg(test)]
    pub(super) fn detach(&self, queue: &OwnedFd) {
        let request = interface_request(&self.name, flags::DETACH_QUEUE).expect("request");
        // SAFETY: `queue` is open, and the kernel reads one `ifreq`.
        unsafe { ioctl::set_queue(queue.as_raw_fd(), &raw const request) }.expect("detach");
    }

    /// Attaches a queue that QEMU detached; it does so with those its guest does not use.
    fn attach(&self, file: &File) -> io::Result<()> {
        if self.queues.len() == 1 {
            return Ok(());
        }
        let request = interface_request("", flags::ATTACH_QUEUE)?;
        // SAFETY: `file` is open, and the kernel reads one `ifreq`.
        match unsafe { ioctl::set_queue(file.as_raw_fd(), &raw const request) } {
            // Not detached.
            Ok(_) | Err(Errno::EINVAL) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }
}

/// Why a tap could not be made.
#[derive(Debug)]
pub struct TapError {
    /// What was refused.
    pub operation: &'static str,
    /// The kernel's answer.
    pub source: io::Error,
}

impl TapError {
    fn during<E: Into<io::Error>>(operation: &'static str) -> impl Fn(E) -> Self {
        move |source| Self {
            operation,
            source: source.into(),
        }
    }
}

/// Drops the frames that wait in a queue.
fn drain(file: &File) {
    let mut frame = [0; 16];
    for _ in 0..MAX_QUEUED {
        // The kernel cuts a frame that does not fit and drops the rest of it.
        match (&mut &*file).read(&mut frame) {
            Ok(n) if n > 0 => {}
            _ => break,
        }
    }
}

/// Returns an `ifreq` with a name and flags.
fn interface_request(name: &str, flags: i32) -> io::Result<libc::ifreq> {
    let mut request = ifreq::named(name)?;
    request.ifr_ifru.ifru_flags = libc::c_short::try_from(flags).map_err(|_| Errno::EINVAL)?;
    Ok(request)
}
