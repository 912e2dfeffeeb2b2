//! Accept rules in the host's own firewall.

use super::{
    super::{firewall, *},
    *,
};

/// The host's rules, as each program sees them, without counters.
fn rules() -> String {
    run("nft list ruleset 2>&1; iptables-save; ip6tables-save; iptables-legacy-save; ip6tables-legacy-save")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .fold(String::new(), |text, line| text + line + "\n")
}

/// Makes a firewall, lets a lab open it, shows that to `check` and demands that the lab leaves it as it was.
fn open(firewall: &'static str, check: fn()) {
    for dies in [false, true] {
        on_a_fresh_host(move || {
            run(firewall);
            let before = rules();
            let lab = acquire("dc-1.x");
            let links = ["ext".to_owned(), "bmc".to_owned()];
            assert_eq!(
                firewall::accept_blocking(lab.recorder(), &links).unwrap(),
                Vec::<String>::new()
            );
            check();
            if dies {
                undo_by_keeper(&crash(lab));
            } else {
                release(lab);
            }
            assert_eq!(rules(), before);
        });
    }
}

#[test]
fn a_drop_policy_of_iptables_is_opened_in_front() {
    open(
        "iptables -P FORWARD DROP; iptables -A FORWARD -j REJECT; ip6tables -P FORWARD DROP; iptables -A INPUT -i ext -j DROP
         iptables -A FORWARD -i ext -j ACCEPT; iptables -A FORWARD -m comment --comment placemat2:dc-1.xx -j ACCEPT",
        || {
            for command in ["iptables", "ip6tables"] {
                let rules = run(&format!("{command} -S FORWARD | head -5"));
                let own = "-m comment --comment \"placemat2:dc-1.x\" -j ACCEPT";
                let expected = format!(
                    "-P FORWARD DROP\n-A FORWARD -o bmc {own}\n-A FORWARD -i bmc {own}\n-A FORWARD -o ext {own}\n-A FORWARD -i ext {own}\n"
                );
                assert_eq!(rules, expected);
            }
        },
    );
}

#[test]
fn a_final_reject_of_iptables_is_opened() {
    open(
        "iptables -N deny; iptables -A deny -j LOG; iptables -A deny -j DROP; iptables -A FORWARD -i docker0 -j ACCEPT
         iptables -A FORWARD -j deny",
        || assert_eq!(run("iptables -S FORWARD | grep -c placemat2:dc-1.x"), "4\n"),
    );
}

#[test]
fn legacy_iptables_is_opened() {
    open(
        "iptables-legacy -P FORWARD DROP; ip6tables-legacy -A FORWARD -j DROP",
        || {
            assert_eq!(
                run("iptables-legacy -S FORWARD | sed -n 2p | grep -c placemat2:dc-1.x"),
                "1\n"
            );
            assert_eq!(
                run("ip6tables-legacy -S FORWARD | sed -n 2p | grep -c placemat2:dc-1.x"),
                "1\n"
            );
            assert_eq!(run("nft list ruleset"), "");
        },
    );
}

#[test]
fn base_chains_of_nft_are_opened() {
    open(
        r#"nft -f - <<'END'
        table inet firewalld {
            set s { type ipv4_addr; elements = { 10.0.0.1 }; }
            chain filter_FORWARD {
                type filter hook forward priority 10; policy accept;
                ct state established accept
                iifname "docker0" accept
                log prefix "x" reject with icmpx admin-prohibited
            }
            chain open { type filter hook forward priority 20; policy accept; ip saddr @s drop; }
            chain input { type filter hook input priority 0; policy drop; }
        }
        table ip filter {
            chain forward {
                type filter hook forward priority 0; policy drop;
                accept comment "placemat2:dc-1.xx"
            }
        }
        table ip6 own {
            chain FORWARD { type filter hook forward priority 0; policy drop; }
        }
        table bridge b {
            chain f { type filter hook forward priority 0; policy drop; }
        }
END"#,
        || {
            let text = run("nft list ruleset");
            assert_eq!(
                text.matches("accept comment \"placemat2:dc-1.x\"").count(),
                12,
                "{text}"
            );
            let chain = run("nft list chain inet firewalld filter_FORWARD");
            let first = chain.lines().nth(3).unwrap().trim();
            assert_eq!(first, "oifname \"bmc\" accept comment \"placemat2:dc-1.x\"", "{chain}");
            assert!(!run("nft list chain inet firewalld open").contains("placemat2"));
            assert!(!run("nft list chain inet firewalld input").contains("placemat2"));
            assert!(!run("nft list table bridge b").contains("placemat2"));
        },
    );
}

#[test]
fn iptables_tables_that_only_nft_understands_are_opened_by_nft() {
    open(
        "nft add table ip filter
         nft 'add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }'
         nft add rule ip filter FORWARD ct mark set 3",
        || assert!(run("nft list chain ip filter FORWARD").contains("oifname \"bmc\" accept")),
    );
}

#[test]
fn an_open_firewall_is_not_touched() {
    for firewall in [
        "",
        "iptables -A FORWARD -o virbr0 -j REJECT",
        "iptables-legacy -A FORWARD -i x -j DROP",
    ] {
        open(firewall, || {
            assert!(!rules().contains("placemat2"));
            assert!(!run("cat /run/placemat2/dc-1.x/record").contains("rule"));
        });
    }
}

#[test]
fn labs_do_not_touch_one_anothers_rules() {
    on_a_fresh_host(|| {
        run(
            "iptables -P FORWARD DROP; nft add table inet t; nft 'add chain inet t f { type filter hook forward priority 0; policy drop; }'",
        );
        let before = rules();
        let one = acquire("one");
        firewall::accept_blocking(one.recorder(), &["ext1".into()]).unwrap();
        let with_one = rules();
        let two = acquire("two");
        firewall::accept_blocking(two.recorder(), &["ext2".into()]).unwrap();
        release(two);
        assert_eq!(rules(), with_one);
        release(one);
        assert_eq!(rules(), before);
    });
}

#[test]
fn a_firewall_that_was_reloaded_meanwhile_is_fine() {
    on_a_fresh_host(|| {
        run(
            "iptables -P FORWARD DROP; nft add table inet t; nft 'add chain inet t f { type filter hook forward priority 0; policy drop; }'",
        );
        let lab = acquire("dc");
        firewall::accept_blocking(lab.recorder(), &["ext".into()]).unwrap();
        run("nft flush ruleset");
        assert!(release(lab).is_empty());
        assert_eq!(rules(), "");
    });
}

#[test]
fn a_table_that_a_daemon_keeps_for_itself_is_a_warning() {
    on_a_fresh_host(|| {
        let mut daemon = Command::new("nft")
            .arg("-i")
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let script = b"add table inet fw { flags owner; chain f { type filter hook forward priority 0; policy drop; }; }\nlist tables\n";
        std::io::Write::write_all(daemon.stdin.as_mut().unwrap(), script).unwrap();
        std::io::Read::read_exact(daemon.stdout.as_mut().unwrap(), &mut [0]).unwrap();
        let lab = acquire("dc");
        let warnings = firewall::accept_blocking(lab.recorder(), &["ext".into()]).unwrap();
        assert_eq!(warnings.len(), 1);
        assert!(
            warnings[0].starts_with("The chain f of the nftables table inet fw drops"),
            "{warnings:?}"
        );
        release(lab);
        drop(daemon.stdin.take());
        daemon.wait().unwrap();
    });
}

#[test]
fn names_that_are_patterns_are_refused() {
    on_a_fresh_host(|| {
        let lab = acquire("dc");
        for name in ["ext*", "ext+"] {
            let error = firewall::accept_blocking(lab.recorder(), &[name.into()]).unwrap_err();
            assert!(matches!(error, FirewallError::Pattern { .. }));
        }
        release(lab);
    });
}

#[test]
fn the_async_way_does_the_same() {
    on_a_fresh_host(|| {
        run("iptables -P FORWARD DROP");
        let lab = acquire("dc");
        // Threads of this runtime are made by this thread and share its namespaces.
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            firewall::accept(lab.recorder(), &["ext".into()]).await.unwrap();
            sysctl::claim(lab.recorder(), &["net.ipv4.ip_forward".into()])
                .await
                .unwrap();
        });
        assert_eq!(release(lab).len(), 3);
    });
}
