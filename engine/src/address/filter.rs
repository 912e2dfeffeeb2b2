//! The kernel's own filter for what a sniffer is handed (classic BPF, Documentation/networking/filter.rst): DHCP replies
//! to clients. All other packets of the fabric cost a few instructions and wake nobody.

use std::{
    io,
    os::fd::{AsRawFd as _, BorrowedFd},
};

use libc::{
    BPF_ABS, BPF_B, BPF_H, BPF_IND, BPF_JEQ, BPF_JMP, BPF_JSET, BPF_K, BPF_LD, BPF_LDX, BPF_MSH, BPF_RET, sock_filter,
    sock_fprog,
};

/// Offset at which a packet's protocol can be loaded (`SKF_AD_OFF + SKF_AD_PROTOCOL`).
const PROTOCOL: u32 = (-0x1000_i32).cast_unsigned();
/// `ETH_P_IP`.
const IPV4: u32 = 0x0800;
/// UDP's number among the protocols of IPv4.
const UDP: u32 = 17;
/// The port of DHCP clients.
const CLIENT_PORT: u32 = 68;
/// `op` of what servers send.
const BOOT_REPLY: u32 = 2;
/// Bytes of a packet that are handed on: more than any DHCP message needs.
pub const SNAP: u16 = 2048;

/// The filter, for packets that begin with their IPv4 header. What fails a test jumps to the last line.
fn program() -> [sock_filter; 13] {
    let line = |code: u32, jt: u8, jf: u8, k: u32| sock_filter {
        // All codes are below 256.
        code: code.to_le_bytes()[0].into(),
        jt,
        jf,
        k,
    };
    [
        line(BPF_LD | BPF_H | BPF_ABS, 0, 0, PROTOCOL),
        line(BPF_JMP | BPF_JEQ | BPF_K, 0, 10, IPV4),
        line(BPF_LD | BPF_B | BPF_ABS, 0, 0, 9),
        line(BPF_JMP | BPF_JEQ | BPF_K, 0, 8, UDP),
        // A later fragment has no UDP header.
        line(BPF_LD | BPF_H | BPF_ABS, 0, 0, 6),
        line(BPF_JMP | BPF_JSET | BPF_K, 6, 0, 0x1fff),
        // X becomes the length of the IPv4 header.
        line(BPF_LDX | BPF_B | BPF_MSH, 0, 0, 0),
        line(BPF_LD | BPF_H | BPF_IND, 0, 0, 2),
        line(BPF_JMP | BPF_JEQ | BPF_K, 0, 3, CLIENT_PORT),
        line(BPF_LD | BPF_B | BPF_IND, 0, 0, 8),
        line(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, BOOT_REPLY),
        line(BPF_RET | BPF_K, 0, 0, SNAP.into()),
        line(BPF_RET | BPF_K, 0, 0, 0),
    ]
}

/// Lets a packet socket receive nothing but what passes the filter.
pub fn attach(socket: BorrowedFd<'_>) -> io::Result<()> {
    let mut program = program();
    let filter = sock_fprog {
        len: u16::try_from(program.len()).map_err(io::Error::other)?,
        filter: program.as_mut_ptr(),
    };
    set(socket, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &filter)
}

/// Lets a packet socket receive what comes in alone: what a port of a bridge sends has come in by another.
pub fn ignore_outgoing(socket: BorrowedFd<'_>) -> io::Result<()> {
    set(socket, libc::SOL_PACKET, libc::PACKET_IGNORE_OUTGOING, &1_i32)
}

fn set<T>(socket: BorrowedFd<'_>, level: i32, option: i32, value: &T) -> io::Result<()> {
    let length = libc::socklen_t::try_from(size_of::<T>()).map_err(io::Error::other)?;
    // SAFETY: `value` is a live object of the size given, of the type that the option takes (int or sock_fprog, whose
    // pointer leads to as many instructions as it says); the kernel copies all of it before it returns.
    let status = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            std::ptr::from_ref(value).cast(),
            length,
        )
    };
    if status == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
