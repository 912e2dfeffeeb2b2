//! Errors that have one cause and one remedy wherever they come from: the host is out of something.

use std::io;

/// What to do about an error that says that there are no descriptors left; `None` for all others. Where this is known, whatever
/// else would help against the failure is beside the point.
pub(crate) fn remedy(error: &io::Error) -> Option<&'static str> {
    match error.raw_os_error()? {
        libc::EMFILE => Some("raise the limit of open files (ulimit -n)"),
        libc::ENFILE => Some("raise the system's limit of open files (sysctl fs.file-max)"),
        _ => None,
    }
}

/// That remedy, or else what helps otherwise.
pub(crate) fn remedy_or(error: &io::Error, otherwise: &'static str) -> &'static str {
    remedy(error).unwrap_or(otherwise)
}
