//! Telling of each change of the MTU while a lab runs, without polling.

use std::time::Duration;

use futures::StreamExt as _;
use netlink_packet_core::NetlinkMessage;
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::SocketAddr;
use rtnetlink::MulticastGroup;
use tokio::{sync::watch, task::JoinHandle, time::timeout};

use super::{Choice, MtuError, route::Routes};
use crate::plan::Mtu;

/// Changes of links and routes come in bursts; this long without another one ends a burst.
const SETTLE: Duration = Duration::from_millis(50);

/// A burst that lasts as long is taken for over: on some hosts links come and go all the time.
const LONGEST: Duration = Duration::from_secs(1);

/// Follows the MTU until dropped.
pub struct Follower {
    mtu: watch::Receiver<Mtu>,
    task: JoinHandle<()>,
}

impl Follower {
    /// Waits for an MTU that differs from the one before. Cancel safe.
    pub async fn changed(&mut self) -> Mtu {
        if self.mtu.changed().await.is_err() {
            // The kernel's notifications ended: nothing will change any more.
            std::future::pending::<()>().await;
        }
        self.mtu.borrow_and_update().clone()
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Starts to follow what `choice` finds, beginning with `current`. A fixed MTU never changes.
pub fn follow(choice: Choice, current: Mtu) -> Result<Follower, MtuError> {
    let (sender, receiver) = watch::channel(current);
    let groups = [
        MulticastGroup::Link,
        MulticastGroup::Ipv4Route,
        MulticastGroup::Ipv6Route,
    ];
    let (connection, handle, changes) = rtnetlink::new_multicast_connection(&groups).map_err(MtuError::Socket)?;
    let task = tokio::spawn(async move {
        if matches!(choice, Choice::Fixed(_)) {
            sender.closed().await;
            return;
        }
        let connection = tokio::spawn(connection);
        watch_changes(&choice, &Routes::with_handle(handle), changes, &sender).await;
        connection.abort();
    });
    Ok(Follower { mtu: receiver, task })
}

async fn watch_changes(
    choice: &Choice,
    routes: &Routes,
    mut changes: futures::channel::mpsc::UnboundedReceiver<(NetlinkMessage<RouteNetlinkMessage>, SocketAddr)>,
    sender: &watch::Sender<Mtu>,
) {
    // What changed between the first look and the subscription would otherwise go unseen.
    let mut look = *choice == Choice::Route;
    while look || changes.next().await.is_some() {
        look = false;
        let burst = async { while let Ok(Some(_)) = timeout(SETTLE, changes.next()).await {} };
        // It makes no difference which of the two ended it.
        let _ = timeout(LONGEST, burst).await;
        let finding = async {
            match choice {
                Choice::Route => routes.mtu().await,
                Choice::Probe(_) | Choice::Fixed(_) => choice.find().await,
            }
        };
        tokio::pin!(finding);
        // A probe takes a while, and what changes meanwhile is not to pile up.
        let found = loop {
            tokio::select! {
                found = &mut finding => break found,
                Some(_) = changes.next() => look = true,
            }
        };
        match found {
            Ok(mtu) => {
                sender.send_if_modified(|current| {
                    let modified = current.value != mtu.value;
                    *current = mtu;
                    modified
                });
            }
            // A host between two routes has none for a moment; the MTU stays until a new one is known.
            Err(error) => tracing::warn!("The path MTU could not be found again: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write as _,
        process::{Command, Stdio},
    };

    use super::*;
    use crate::host::mtu::testing::private_netns;

    fn ip(arguments: &str) {
        assert!(
            Command::new("ip")
                .args(arguments.split_whitespace())
                .status()
                .unwrap()
                .success(),
            "ip {arguments}"
        );
    }

    #[test]
    fn changes_of_link_and_route_are_told() {
        let setup = "ip link add up0 type veth peer name far0 && ip link set up0 up && ip link set far0 up
            ip addr add 203.0.113.2/24 dev up0 && ip route add default via 203.0.113.1";
        private_netns(setup, || async {
            let current = Choice::Route.find().await.unwrap();
            assert_eq!(current.value, Some(1500));
            let mut follower = follow(Choice::Route, current).unwrap();
            ip("link set up0 mtu 1400");
            assert_eq!(follower.changed().await.value, Some(1400));
            ip("route replace default via 203.0.113.1 mtu 1380");
            assert_eq!(follower.changed().await.value, Some(1380));
            ip("addr add 203.0.113.3/24 dev up0");
            ip("link add other type veth");
            let quiet = timeout(4 * SETTLE, follower.changed()).await;
            assert!(quiet.is_err(), "an unrelated change was taken for one of the MTU");
        });
    }

    #[test]
    fn a_change_is_told_although_others_never_end() {
        let setup = "ip link add up0 type veth peer name far0 && ip link set up0 up && ip link set far0 up
            ip addr add 203.0.113.2/24 dev up0 && ip route add default via 203.0.113.1
            ip link add noise type veth";
        private_netns(setup, || async {
            let current = Choice::Route.find().await.unwrap();
            let mut follower = follow(Choice::Route, current).unwrap();
            let mut batch = Command::new("ip")
                .args(["-batch", "-"])
                .stdin(Stdio::piped())
                .spawn()
                .unwrap();
            let mut lines = batch.stdin.take().unwrap();
            let noise = tokio::spawn(async move {
                for mtu in (1300..1400).cycle() {
                    writeln!(lines, "link set noise mtu {mtu}").unwrap();
                    tokio::time::sleep(SETTLE / 5).await;
                }
            });
            ip("link set up0 mtu 1400");
            let told = timeout(30 * LONGEST, follower.changed()).await;
            noise.abort();
            // It ends with its input.
            let _ = noise.await;
            batch.wait().unwrap();
            assert_eq!(told.expect("nothing was told").value, Some(1400));
        });
    }
}
