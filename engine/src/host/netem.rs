//! Whether this kernel has `netem`, the queueing discipline that delays and loses packets (tc-netem(8)).

use std::{io, thread};

use netlink_packet_core::{NLM_F_ACK, NLM_F_CREATE};
use netlink_packet_route::{
    RouteNetlinkMessage,
    tc::{TcAttribute, TcHandle, TcMessage},
};
use nix::sched::{CloneFlags, unshare};

use super::link;

/// The loopback device's index, in every network namespace.
const LOOPBACK: i32 = 1;

/// Asks the kernel for a `netem` on the loopback device of a new network namespace; it loads the module if it can. Needs
/// CAP_SYS_ADMIN.
pub fn is_there() -> io::Result<bool> {
    let asked = thread::spawn(|| {
        unshare(CloneFlags::CLONE_NEWNET)?;
        let mut request = TcMessage::with_index(LOOPBACK);
        request.header.parent = TcHandle::ROOT;
        request.attributes.push(TcAttribute::Kind("netem".into()));
        link::ask(
            RouteNetlinkMessage::NewQueueDiscipline(request),
            NLM_F_ACK | NLM_F_CREATE,
        )
    });
    let answer = asked
        .join()
        .unwrap_or_else(|_| Err(io::Error::other("the thread panicked")));
    match answer {
        Ok(_) => Ok(true),
        Err(error) => match error.raw_os_error() {
            // One that is there complains that it was told neither delay nor loss.
            Some(libc::EINVAL) => Ok(true),
            Some(libc::ENOENT) => Ok(false),
            _ => Err(error),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_that_of_tc() {
        if !nix::unistd::geteuid().is_root() {
            eprintln!("skipped: needs root");
            return;
        }
        let tc = std::process::Command::new("unshare")
            .args([
                "--net", "tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms",
            ])
            .output()
            .unwrap();
        assert_eq!(is_there().unwrap(), tc.status.success());
    }
}
