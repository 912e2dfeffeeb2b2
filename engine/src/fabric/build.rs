//! Makes what a layout asks for, in the order the kernel needs it.

use std::{collections::HashMap, os::fd::AsFd, slice, sync::Arc, thread};

use tokio_util::sync::CancellationToken;

use super::{
    carrier::Carriers,
    error::FabricError,
    layout::{Layout, TapPort},
    live::{HostEnds, World},
    netlink::{Namespaces, Request, Socket},
    netns::{self, Netns},
    steps,
    sysctl::Role,
    tap::Tap,
};
use crate::plan::Plan;

/// The fabric with what is in it before any pair: bridges and taps.
struct Switches {
    netns: Netns,
    /// A socket in the fabric.
    socket: Socket,
    carriers: Arc<Carriers>,
    taps: Vec<Arc<Tap>>,
}

/// Makes the links and namespaces of a plan. Blocks. On an error everything made is gone or going.
pub fn build(plan: Arc<Plan>, cancel: &CancellationToken) -> Result<World, FabricError> {
    let layout = Layout::of(&plan)?;
    let host = Arc::new(Netns::current("host")?);
    let nowhere = Namespaces::host_only(host.as_fd());
    let mut host_socket = Socket::open()?;
    refuse_taken_names(&layout, &mut host_socket, &nowhere, cancel)?;

    let (switches, namespaces) = switches_and_namespaces(&layout, &nowhere, cancel)?;
    let Switches {
        netns: fabric,
        mut socket,
        carriers,
        taps,
    } = switches;
    let places = Namespaces {
        host: host.as_fd(),
        lab: layout
            .names()
            .into_iter()
            .zip(namespaces.iter().map(AsFd::as_fd))
            .collect(),
    };

    let host_ends = connect_host(&layout, &host, [&mut socket, &mut host_socket], &places, cancel)?;
    socket.run(&layout.pairs, &places, cancel)?;
    configure(&layout, &namespaces, &nowhere, cancel)?;
    carriers.settle(layout.first_ports());

    let mut taps_by_node: HashMap<String, HashMap<usize, Arc<Tap>>> = HashMap::new();
    for (port, tap) in layout.taps.iter().zip(taps) {
        taps_by_node
            .entry(port.node.to_owned())
            .or_default()
            .insert(port.nic, tap);
    }
    let namespaces = namespaces
        .into_iter()
        .map(|netns| (netns.name().to_owned(), Arc::new(netns)))
        .collect();
    Ok(World::new(
        plan,
        host_ends,
        taps_by_node,
        namespaces,
        Arc::new(fabric),
        host,
    ))
}

/// Says so at once if the host has a link of a network's name.
fn refuse_taken_names(
    layout: &Layout,
    socket: &mut Socket,
    nowhere: &Namespaces,
    cancel: &CancellationToken,
) -> Result<(), FabricError> {
    let finds: Vec<_> = layout
        .host_ends
        .iter()
        .map(|end| Request::Find { name: end.name })
        .collect();
    let found = socket.run(&finds, nowhere, cancel)?;
    match layout.host_ends.iter().enumerate().find(|(i, _)| found.contains_key(i)) {
        Some((_, end)) => Err(FabricError::NameTaken {
            name: end.name.to_owned(),
        }),
        None => Ok(()),
    }
}

/// Makes the fabric with bridges and taps, and the lab's namespaces at the same time.
fn switches_and_namespaces(
    layout: &Layout,
    nowhere: &Namespaces,
    cancel: &CancellationToken,
) -> Result<(Switches, Vec<Netns>), FabricError> {
    // An error of one side ends the other.
    let either = cancel.child_token();
    let (switches, namespaces) = thread::scope(|scope| {
        let switches = thread::Builder::new()
            .name("fabric".to_owned())
            .spawn_scoped(scope, || {
                switches(layout, nowhere, &either).inspect_err(|_| either.cancel())
            });
        let namespaces = netns::create_all(&layout.names(), Role::Lab, &either).inspect_err(|_| either.cancel());
        let switches = switches
            .map_err(FabricError::Thread)
            .and_then(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        (switches, namespaces)
    });
    match (switches, namespaces) {
        (Ok(switches), Ok(namespaces)) => Ok((switches, namespaces)),
        // The one that was interrupted by the other has nothing to say.
        (Err(FabricError::Cancelled) | Ok(_), Err(error)) | (Err(error), _) => Err(error),
    }
}

/// Makes the fabric, its bridges and its taps.
fn switches(layout: &Layout, nowhere: &Namespaces, cancel: &CancellationToken) -> Result<Switches, FabricError> {
    let (netns, (socket, carriers, taps)) = netns::create("fabric", Role::Fabric, |netns| {
        let mut socket = Socket::open()?;
        let carriers = Arc::new(carriers(netns)?);
        socket.run(&layout.bridges, nowhere, cancel)?;
        let mut taps = Vec::with_capacity(layout.taps.len());
        for port in &layout.taps {
            if cancel.is_cancelled() {
                return Err(FabricError::Cancelled);
            }
            taps.push(Arc::new(tap(port, &carriers)?));
        }
        socket.run(&layout.attach_taps(), nowhere, cancel)?;
        Ok((socket, carriers, taps))
    })?;
    Ok(Switches {
        netns,
        socket,
        carriers,
        taps,
    })
}

fn tap(port: &TapPort, carriers: &Arc<Carriers>) -> Result<Tap, FabricError> {
    Tap::create(port.name, port.index, port.queues, Arc::clone(carriers)).map_err(|error| {
        let tap = port.name.to_owned();
        match error.source.raw_os_error() {
            Some(libc::ENOENT | libc::ENODEV | libc::ENXIO) => FabricError::NoTun { tap },
            Some(libc::EPERM | libc::EACCES) => FabricError::Privilege {
                operation: format!("{} the tap {tap:?}", error.operation),
                source: error.source,
            },
            _ => FabricError::Tap {
                operation: error.operation,
                tap,
                node: port.node.to_owned(),
                source: error.source,
            },
        }
    })
}

/// Makes the pairs with an end on the host, and brings that end up with its address. `sockets` are in the fabric and on
/// the host.
fn connect_host(
    layout: &Layout,
    host: &Arc<Netns>,
    [socket, host_socket]: [&mut Socket; 2],
    places: &Namespaces,
    cancel: &CancellationToken,
) -> Result<HostEnds, FabricError> {
    let mut host_ends = HostEnds::new(Arc::clone(host));
    for end in &layout.host_ends {
        socket
            .run(slice::from_ref(&end.pair), places, cancel)
            .map_err(|error| match FabricError::from(error) {
                // A link that somebody made since the names were looked at.
                FabricError::Refused(refusal) if refusal.source.raw_os_error() == Some(libc::EEXIST) => {
                    FabricError::NameTaken {
                        name: end.name.to_owned(),
                    }
                }
                other => other,
            })?;
        // Not to be interrupted: the link is there and has to be known.
        let found = host_socket.run(&[Request::Find { name: end.name }], places, &CancellationToken::new())?;
        for index in found.into_values() {
            host_ends.add(end.name, index);
            let mut requests = vec![Request::Up { index, name: end.name }];
            requests.extend(steps::addresses(
                index,
                end.name,
                slice::from_ref(&end.address),
                layout.mtu,
            ));
            host_socket.run(&requests, places, cancel)?;
        }
    }
    Ok(host_ends)
}

/// Brings the interfaces of all namespaces up, with their addresses.
fn configure(
    layout: &Layout,
    namespaces: &[Netns],
    nowhere: &Namespaces,
    cancel: &CancellationToken,
) -> Result<(), FabricError> {
    netns::parallel(namespaces.len(), cancel, |i| {
        let Some(netns) = namespaces.get(i) else { return Ok(()) };
        netns.enter()?;
        Socket::open()?.run(&layout.configure(netns.name()), nowhere, cancel)?;
        Ok(())
    })?;
    // Only now are the other ends up.
    let waiting: Vec<_> = namespaces
        .iter()
        .map(|netns| (netns, layout.first_ends(netns.name())))
        .filter(|(_, names)| !names.is_empty())
        .collect();
    netns::parallel(waiting.len(), cancel, |i| {
        let Some((netns, names)) = waiting.get(i) else {
            return Ok(());
        };
        netns.enter()?;
        carriers(netns)?.settle(names.iter().copied());
        Ok(())
    })?;
    Ok(())
}

/// Opens what asks about links of the namespace the calling thread is in.
fn carriers(netns: &Netns) -> Result<Carriers, FabricError> {
    Carriers::open().map_err(|source| FabricError::Namespace {
        operation: "open a socket in",
        name: netns.name().to_owned(),
        source,
    })
}
