//! The argument of interface ioctls.

use std::io;

use nix::errno::Errno;

/// Returns an `ifreq` with a link's name and nothing else.
pub fn named(name: &str) -> io::Result<libc::ifreq> {
    // SAFETY: an `ifreq` is plain data for which all zeroes is a value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    if name.len() >= request.ifr_name.len() {
        return Err(Errno::ENAMETOOLONG.into());
    }
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = libc::c_char::from_ne_bytes([from]);
    }
    Ok(request)
}
