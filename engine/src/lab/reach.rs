//! From where in a lab a node is reached: the namespaces worth trying, best first.

use std::{io, net::IpAddr, sync::Arc, time::Duration};

use tokio::{
    net::TcpStream,
    time::{Instant, timeout},
};

use crate::{
    api::ControlError,
    fabric::Netns,
    forward::{ForwardError, Forwards, Sockets},
    plan::{End, Plan},
    spec::model::Destination,
};

/// Where a connection can be made from.
#[derive(Debug, PartialEq, Eq)]
enum Place<'p> {
    /// The host: only for an address on a network it has an interface on, which is no change of its routes' meaning.
    Host,
    /// A namespace.
    Namespace(&'p str),
}

/// The host's name as a place.
const HOST: &str = "host";

impl<'p> Place<'p> {
    fn name(&self) -> &'p str {
        match self {
            Self::Host => HOST,
            Self::Namespace(name) => name,
        }
    }
}

/// How long somebody who wants to be connected waits for it, wherever it is tried from.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Connects to a host and port from the side of a node, or else from the namespace of that name, within a time.
pub async fn connect(
    plan: &Plan,
    forwards: &Forwards,
    side: &str,
    to: &Destination,
    patience: Duration,
) -> Result<TcpStream, ControlError> {
    let places = if plan.nodes.iter().any(|node| node.name == side) {
        places(plan, side, to.address().map(|address| address.ip()))
    } else if let Some(namespace) = plan.namespaces.iter().find(|namespace| namespace.name == side) {
        vec![Place::Namespace(&namespace.name)]
    } else {
        return Err(ControlError::NotFound(format!("node or namespace {side:?}")));
    };
    if places.is_empty() {
        return Err(ControlError::Failed(format!(
            "No namespace of the lab, nor the host, is on a network from which node {side:?} could be reached."
        )));
    }
    let mut failure = None;
    let end = Instant::now() + patience;
    let mut rest = places.into_iter().peekable();
    while let Some(place) = rest.next() {
        // Where nobody answers is the next one's time lost, so the best place gets most of it, but not all.
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        let share = if rest.peek().is_some() { left / 2 } else { left };
        let attempt = timeout(share, from(&place, forwards, to)).await;
        let attempt = attempt.unwrap_or_else(|_| {
            Err(ForwardError::Connect {
                netns: place.name().to_owned(),
                to: to.clone(),
                source: io::ErrorKind::TimedOut.into(),
            })
        });
        match attempt {
            Ok(stream) => return Ok(stream),
            // The first place is the best one, so its reason is, too; that it has no route is the least of reasons.
            Err(error) => match failure {
                None | Some(ForwardError::NoRoute { .. } | ForwardError::NotReady(_)) => failure = Some(error),
                Some(_) => {}
            },
        }
    }
    let message = failure.map_or_else(String::new, |error| error.to_string());
    Err(ControlError::Failed(message))
}

/// Connects from one place.
async fn from(place: &Place<'_>, forwards: &Forwards, to: &Destination) -> Result<TcpStream, ForwardError> {
    let sockets = match place {
        Place::Host => host()?,
        Place::Namespace(name) => forwards.sockets(name)?,
    };
    // Asked without a packet: a connection that no route leads to would be the next one's time lost.
    sockets.udp(to).await?;
    sockets.tcp(to).await
}

fn host() -> Result<Arc<Sockets>, ForwardError> {
    let netns = Netns::current(HOST).map_err(|error| ForwardError::Socket {
        netns: HOST.into(),
        source: io::Error::other(error),
    })?;
    Ok(Arc::new(Sockets::new(Arc::new(netns))?))
}

/// Lists where a node's address may be reached from: those with an address in its prefix on a network of the node, then
/// others on its networks, then all others.
fn places<'p>(plan: &'p Plan, node: &str, address: Option<IpAddr>) -> Vec<Place<'p>> {
    let of_node = |end: &End| matches!(end, End::Node { node: owner, .. } if owner == node);
    let (mut near, mut beside) = (Vec::new(), Vec::new());
    for network in &plan.networks {
        if !network.links.iter().any(|link| of_node(&link.end)) {
            continue;
        }
        for link in &network.links {
            match &link.end {
                End::Namespace {
                    namespace, addresses, ..
                } => {
                    let holds = address.is_some_and(|wanted| addresses.iter().any(|net| net.contains(&wanted)));
                    let places = if holds { &mut near } else { &mut beside };
                    places.push(Place::Namespace(namespace));
                }
                End::Host { address: own, .. } if address.is_some_and(|wanted| own.contains(&wanted)) => {
                    near.push(Place::Host);
                }
                End::Host { .. } | End::Node { .. } => {}
            }
        }
    }
    let others = plan
        .namespaces
        .iter()
        .map(|namespace| Place::Namespace(&namespace.name));
    let mut places: Vec<Place<'p>> = Vec::new();
    for place in near.into_iter().chain(beside).chain(others) {
        if !places.contains(&place) {
            places.push(place);
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, process::Command, thread};

    use nix::sched::{CloneFlags, unshare};

    use super::*;
    use crate::{
        plan::{
            Options, build,
            testing::{Lab, facts},
        },
        store::{State, Store},
    };

    #[test]
    fn the_nearest_comes_first() {
        let plan = Lab::new("near")
            .external("ext", "10.0.0.1/24", false)
            .internal("rack")
            .internal("far")
            .namespace("away", &["far=10.2.0.1/24"])
            .namespace("beside", &["rack=10.3.0.1/24"])
            .namespace("near", &["rack=10.1.0.1/24"])
            .node("boot", &["rack", "ext"])
            .spec();
        let plan = build(&plan, &Options::default(), &facts()).unwrap();
        let places = |address: &str| places(&plan, "boot", Some(address.parse().unwrap()));
        let named = Place::Namespace;
        assert_eq!(places("10.1.0.9"), [named("near"), named("beside"), named("away")]);
        assert_eq!(
            places("10.0.0.9"),
            [Place::Host, named("beside"), named("near"), named("away")]
        );
    }
    /// A namespace with an address, at the end of a link behind which there is nobody.
    fn lonely(name: &'static str) -> Arc<Netns> {
        let make = move || {
            unshare(CloneFlags::CLONE_NEWNET).unwrap();
            for arguments in [
                "link set lo up",
                "link add rack type veth peer name end",
                "link set end up",
                "link set rack up",
                "addr add 10.1.0.1/24 dev rack",
                "neigh add 10.1.0.9 lladdr 02:00:00:00:00:09 dev rack",
            ] {
                let ip = Command::new("ip").args(arguments.split(' ')).status();
                assert!(ip.unwrap().success(), "ip {arguments}");
            }
            Arc::new(Netns::current(name).unwrap())
        };
        thread::spawn(make).join().unwrap()
    }

    #[tokio::test]
    async fn silence_from_the_nearest_leaves_time_for_the_next() {
        if !nix::unistd::geteuid().is_root() {
            println!("skipped: needs root");
            return;
        }
        let spec = Lab::new("near")
            .internal("rack")
            .internal("far")
            .namespace("beside", &["far=10.1.0.2/24"])
            .namespace("near", &["rack=10.1.0.1/24"])
            .node("boot", &["rack"])
            .spec();
        let plan = build(&spec, &Options::default(), &facts()).unwrap();
        let forwards = Forwards::new(Store::new(State::default()), ["near", "beside"].into_iter());
        let (near, beside) = (lonely("near"), lonely("beside"));
        forwards.ready(&near).unwrap();
        forwards.ready(&beside).unwrap();
        let to = "10.1.0.9:22".parse().unwrap();
        let limit = Duration::from_secs(60);
        let reach = |patience| timeout(limit, connect(&plan, &forwards, "boot", &to, patience));
        let Ok(Err(ControlError::Failed(why))) = reach(Duration::from_millis(200)).await else {
            panic!("somebody answered, or the time did not end")
        };
        assert_eq!(why, "Namespace \"near\" does not reach 10.1.0.9:22: timed out.");
        // The address is that of the other one now.
        let listen = || {
            let arguments = ["addr", "add", "10.1.0.9/32", "dev", "lo"];
            assert!(Command::new("ip").args(arguments).status().unwrap().success());
            TcpListener::bind("10.1.0.9:22").unwrap()
        };
        let _listener = beside.run(listen).unwrap();
        reach(PATIENCE / 10).await.unwrap().unwrap();
    }
}
