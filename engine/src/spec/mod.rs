//! Lab files: reading them, checking them, and telling of every mistake at once with its place.
//!
//! Nothing here knows of netlink, QEMU's command line or what exists on this host beyond the files a lab file names.

pub mod model;
