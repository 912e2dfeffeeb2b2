//! From where in a lab a node is reached: the namespaces worth trying, best first.

use std::{net::IpAddr, sync::Arc};

use tokio::net::TcpStream;

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

/// Connects to a host and port from the side of a node, or else from the namespace of that name.
pub async fn connect(
    plan: &Plan,
    forwards: &Forwards,
    side: &str,
    to: &Destination,
) -> Result<TcpStream, ControlError> {
    let places = if plan.nodes.iter().any(|node| node.name == side) {
        places(plan, side, to.address().map(|address| address.ip()))
    } else if let Some(namespace) = plan.namespaces.iter().find(|namespace| namespace.name == side) {
        vec![Place::Namespace(&namespace.name)]
    } else {
        return Err(ControlError::NotFound(format!(
            "node or namespace {side:?} in this lab"
        )));
    };
    if places.is_empty() {
        return Err(ControlError::Failed(format!(
            "No namespace of the lab, nor the host, is on a network from which node {side:?} could be reached."
        )));
    }
    let mut failure = None;
    for place in places {
        let sockets = match place {
            Place::Host => host(),
            Place::Namespace(name) => forwards.sockets(name),
        };
        let attempt = match sockets {
            // Asked without a packet: a connection that no route leads to would be the next one's time lost.
            Ok(sockets) => match sockets.udp(to).await {
                Ok(_) => sockets.tcp(to).await,
                Err(error) => Err(error),
            },
            Err(error) => Err(error),
        };
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

fn host() -> Result<Arc<Sockets>, ForwardError> {
    let netns = Netns::current("host").map_err(|error| ForwardError::Socket {
        netns: "host".into(),
        source: std::io::Error::other(error),
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
    use super::*;
    use crate::plan::{
        Options, build,
        testing::{Lab, facts},
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
}
