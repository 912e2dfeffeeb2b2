//! Sysctls of the host that must be on while some lab needs them: `net.ipv4.ip_forward`, `net.ipv6.conf.all.forwarding`.
//!
//! A host that forwards IPv6 ignores router advertisements on interfaces whose `accept_ra` is 1, the kernel's default: one
//! that has its own address from them keeps it only until it expires. Version 2 turned forwarding on just the same; set
//! `accept_ra` to 2 on such an interface.
//!
//! Turning one of these on or off makes the kernel set others along with it (forwarding of every interface, and
//! `conf.all.accept_redirects`). Those are set back to what they were, too.

use std::{collections::BTreeMap, fs, io, path::Path};

use nix::unistd::{AccessFlags, access};

use super::{
    claims::{self, Claims},
    proc_sys::PROC_SYS,
    record::{RecordError, Recorder},
    undo::{Context, Refusal, Undo},
};
use crate::blocking;

/// What a claimed sysctl is set to.
const ON: &str = "1";

/// Why a sysctl can't be turned on.
#[derive(Debug, thiserror::Error)]
pub enum SysctlError {
    /// The kernel refused.
    #[error(
        "The sysctl {name} cannot be set to 1: {source}; a network with use-nat needs it, so set it on the host \
         (sysctl -w {name}=1) or run placemat2 where /proc/sys is writable."
    )]
    Set {
        /// The sysctl.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// It could not be recorded.
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// Turns sysctls on until the last lab that claimed them is gone. Each is a path below `/proc/sys`
/// (`net/ipv4/ip_forward`) or a name with dots.
pub async fn claim(recorder: &Recorder, sysctls: &[String]) -> Result<(), SysctlError> {
    let (recorder, sysctls) = (recorder.clone(), sysctls.to_vec());
    blocking::run(move || claim_blocking(&recorder, &sysctls)).await
}

/// Does what [`claim`] does on the calling thread, in its network namespace. Setting one of these waits for the kernel's
/// RTNL lock, which can take seconds while a large lab ends.
pub fn claim_blocking(recorder: &Recorder, sysctls: &[String]) -> Result<(), SysctlError> {
    for sysctl in sysctls {
        let path = as_path(sysctl);
        let failed = |source| SysctlError::Set {
            name: path.replace('/', "."),
            source,
        };
        recorder.make(&Undo::Sysctl { path: path.clone() }, || {
            let mut claims = Claims::open(recorder.root()).map_err(|refusal| failed(refusal.into()))?;
            claims
                .claim_sysctl(recorder.lab(), &path, || {
                    Ok(claims::Sysctl {
                        before: get(&path)?,
                        along: values_along(&path),
                        labs: [].into(),
                    })
                })
                .map_err(failed)?;
            if get(&path).map_err(failed)? != ON {
                set(&path, ON).map_err(failed)?;
            }
            Ok::<_, SysctlError>(())
        })?;
    }
    Ok(())
}

/// Gives a lab's claim back and sets the sysctl to what it was if that was the last; returns whether it was set.
pub(super) fn release(context: &Context, path: &str) -> Result<bool, Refusal> {
    let mut claims = Claims::open(&context.root)?;
    claims.release_sysctl(&context.lab, path, |sysctl| restore(path, sysctl))
}

fn restore(path: &str, sysctl: &claims::Sysctl) -> Result<bool, Refusal> {
    let now = get(path)?;
    if now == sysctl.before {
        return Ok(false);
    }
    if now != ON {
        return Err(Refusal::Other("somebody else has set it meanwhile"));
    }
    set(path, &sysctl.before)?;
    for (path, before) in &sysctl.along {
        // Interfaces come and go.
        if get(path).is_ok_and(|now| now != *before) {
            set(path, before)?;
        }
    }
    Ok(true)
}

/// The values that the kernel sets along with a sysctl: see `inet_forward_change` and `addrconf_fixup_forwarding`.
fn values_along(path: &str) -> BTreeMap<String, String> {
    let (conf, further) = match path {
        "net/ipv4/ip_forward" => ("net/ipv4/conf", Some("net/ipv4/conf/all/accept_redirects")),
        "net/ipv6/conf/all/forwarding" => ("net/ipv6/conf", None),
        _ => return BTreeMap::new(),
    };
    let interfaces = fs::read_dir(Path::new(PROC_SYS).join(conf))
        .into_iter()
        .flatten()
        .flatten();
    interfaces
        .filter_map(|entry| Some(format!("{conf}/{}/forwarding", entry.file_name().to_str()?)))
        // "all" is the sysctl itself.
        .filter(|path| !path.ends_with("/all/forwarding"))
        .chain(further.map(str::to_owned))
        .filter_map(|path| get(&path).ok().map(|value| (path, value)))
        .collect()
}

/// Whether a sysctl is on, or this process may turn it on.
pub fn is_on_or_writable(sysctl: &str) -> bool {
    let path = as_path(sysctl);
    get(&path).is_ok_and(|now| now == ON) || access(&Path::new(PROC_SYS).join(path), AccessFlags::W_OK).is_ok()
}

fn as_path(sysctl: &str) -> String {
    if sysctl.contains('/') {
        sysctl
            .trim_start_matches("/proc/sys")
            .trim_start_matches('/')
            .to_owned()
    } else {
        sysctl.replace('.', "/")
    }
}

fn get(path: &str) -> io::Result<String> {
    Ok(fs::read_to_string(Path::new(PROC_SYS).join(path))?.trim().to_owned())
}

fn set(path: &str, value: &str) -> io::Result<()> {
    fs::write(Path::new(PROC_SYS).join(path), value)
}
