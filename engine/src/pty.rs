//! Pseudo terminals.

use std::{
    io,
    os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd},
    path::PathBuf,
};

use nix::{
    fcntl::OFlag,
    pty::{grantpt, posix_openpt, ptsname_r, unlockpt},
    sys::{
        stat::{Mode, fchmod},
        termios::{SetArg, cfmakeraw, tcgetattr, tcsetattr},
    },
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// The ioctls of `tty_ioctl(4)` and `ioctl_tty(2)` that are used here.
mod ioctl {
    nix::ioctl_write_int_bad!(
        /// Opens the other end of a master, wherever /dev/pts is mounted (Linux 4.13).
        open_peer,
        libc::TIOCGPTPEER
    );
    nix::ioctl_write_ptr_bad!(set_window_size, libc::TIOCSWINSZ, libc::winsize);
}

/// The size of a terminal, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct Size {
    /// Columns.
    pub cols: u16,
    /// Rows.
    pub rows: u16,
}

impl Default for Size {
    fn default() -> Self {
        Self { cols: 80, rows: 24 }
    }
}

/// A pseudo terminal that nobody uses yet.
#[derive(Debug)]
pub struct Pty {
    /// The end of whoever plays the terminal; reading and writing it does not block.
    pub master: OwnedFd,
    /// The end of programs.
    pub slave: OwnedFd,
    /// The file that is the slave: `/dev/pts/N`.
    pub path: PathBuf,
}

impl Pty {
    /// Makes one whose file only its owner may use.
    pub fn open() -> io::Result<Self> {
        let master = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let path = ptsname_r(&master)?.into();
        let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
        // SAFETY: the ioctl takes a number and touches no memory.
        let slave = unsafe { ioctl::open_peer(master.as_raw_fd(), flags.bits()) }?;
        // SAFETY: the kernel has just made this descriptor; nobody else knows it.
        let slave = unsafe { OwnedFd::from_raw_fd(slave) };
        fchmod(&slave, Mode::S_IRUSR | Mode::S_IWUSR)?;
        Ok(Self {
            master: OwnedFd::from(master),
            slave,
            path,
        })
    }
}

/// Lets every byte through a terminal as it is.
pub fn make_raw(terminal: impl AsFd) -> io::Result<()> {
    let mut settings = tcgetattr(&terminal)?;
    cfmakeraw(&mut settings);
    Ok(tcsetattr(&terminal, SetArg::TCSANOW, &settings)?)
}

/// Gives a terminal a size; what runs in it gets SIGWINCH.
pub fn resize(terminal: impl AsFd, size: Size) -> io::Result<()> {
    let size = libc::winsize {
        ws_row: size.rows,
        ws_col: size.cols,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    // SAFETY: the descriptor is open, and the kernel reads one `winsize`.
    unsafe { ioctl::set_window_size(terminal.as_fd().as_raw_fd(), &raw const size) }?;
    Ok(())
}
