//! Labs that share a host with each other and with a firewall.

use crate::{
    scene::{assert_unchanged, running, two},
    support::Machine,
};

/// Writes `two` and the same under other names as `other`, on a host that drops what it is not told to forward.
fn labs(machine: &Machine) {
    two(machine);
    machine.sh(
        "sed 's/name: ext/name: ext2/; s/network: ext/network: ext2/; s/10\\.0\\.0/10.0.9/g; s/fd00::/fd09::/;
        s/: router/: router2/; s/: leaf/: leaf2/; s/init.sh/init2.sh/' /tmp/lab/two.yml > /tmp/lab/other.yml
        sed 's/10\\.0\\.0/10.0.9/' /tmp/lab/init.sh > /tmp/lab/init2.sh; chmod +x /tmp/lab/init2.sh
        iptables -P FORWARD DROP; ip6tables -P FORWARD DROP; iptables -A FORWARD -s 203.0.113.1 -j DROP
        nft add table inet own; nft add chain inet own input '{ type filter hook input priority 0; policy accept; }'",
    );
}

/// Both run; the first ends before the second, or the other way round. The end of one takes nothing from the other.
fn ends(first_started_ends_first: bool) {
    let Some(machine) = Machine::new() else { return };
    labs(&machine);
    let before = machine.state();
    let first = running(&machine, "two", &[]);
    let second = running(&machine, "other", &["--listen-addr", "127.0.0.1:10809"]);
    let reaches = |router: &str| {
        machine.sh(&format!("ip netns exec {router} ping -c1 -W2 192.0.2.1"));
    };
    reaches("router");
    reaches("router2");
    let (ending, staying, router) = if first_started_ends_first {
        (first, second, "router2")
    } else {
        (second, first, "router")
    };
    ending.stop();
    reaches(router);
    staying.stop();
    assert_unchanged(&machine, &before, "");
}

#[test]
fn two_labs_behind_a_firewall_and_the_first_ends_first() {
    ends(true);
}

#[test]
fn two_labs_behind_a_firewall_and_the_second_ends_first() {
    ends(false);
}
