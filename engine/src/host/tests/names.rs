//! Names of namespaces.

use std::{fs, os::fd::AsRawFd, os::unix::fs::symlink, sync::mpsc, time::Duration};

use super::{super::*, *};

const DIR: &str = "/run/netns";

/// A descriptor of this thread's network namespace, and its path as the engine publishes it.
fn namespace() -> (fs::File, PathBuf) {
    let file = fs::File::open("/proc/thread-self/ns/net").unwrap();
    let path = format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd());
    (file, path.into())
}

fn publish(lab: &LabDir, name: &str, target: &Path) -> Result<(), PublishError> {
    publish_netns(lab.recorder(), Path::new(DIR), name, target)
}

#[test]
fn a_published_namespace_can_be_entered_by_name() {
    on_a_fresh_host(|| {
        let lab = acquire("dc");
        let (_file, target) = namespace();
        run("ip link add seen type veth peer name seen-p");
        publish(&lab, "operation", &target).unwrap();
        assert_eq!(run("stat -c %a /run/netns"), "755\n");
        assert!(run("ip netns").starts_with("operation"));
        run("ip netns exec operation ip link show seen");
        run("ip -n operation link show seen");
        // `ip netns exec` leaves nothing mounted in /run/netns.
        release(lab);
        assert_eq!(run_dir(), "/run\n");
    });
}

#[test]
fn a_dangling_link_is_replaced_and_anything_else_is_not() {
    on_a_fresh_host(|| {
        fs::create_dir(DIR).unwrap();
        let lab = acquire("dc");
        let (file, target) = namespace();
        symlink("/proc/999999999/fd/3", "/run/netns/dead").unwrap();
        // Process 1 is somebody else's: a process id that was used again.
        symlink("/proc/1/fd/999", "/run/netns/reused").unwrap();
        symlink(&target, "/run/netns/live").unwrap();
        symlink("/nowhere", "/run/netns/foreign").unwrap();
        fs::write("/run/netns/real", "").unwrap();
        publish(&lab, "dead", &target).unwrap();
        publish(&lab, "reused", &target).unwrap();
        let live = publish(&lab, "live", &target).unwrap_err();
        let expected = format!(
            "The namespace name live is already taken by a running lab, process {} (/run/netns/live); stop that lab, or rename \
             the namespace in the lab file.",
            std::process::id()
        );
        assert_eq!(live.to_string(), expected);
        symlink(&target, "/run/netns/placemat2-other").unwrap();
        symlink("/proc/1/fd/999", "/run/netns/placemat2-dead").unwrap();
        let live = publish(&lab, "live", &target).unwrap_err();
        assert!(live.to_string().contains("by the running lab other, process"), "{live}");
        let lab_of = |name| whose::lab_of_namespace(Path::new(DIR), name);
        assert_eq!(lab_of("live").as_deref(), Some("other"));
        for name in ["foreign", "real", "missing", "placemat2-dead"] {
            assert_eq!(lab_of(name), None, "{name}");
        }
        assert!(matches!(
            publish(&lab, "foreign", &target),
            Err(PublishError::Taken { .. })
        ));
        assert!(matches!(
            publish(&lab, "real", &target),
            Err(PublishError::Taken { .. })
        ));
        assert!(publish(&lab, "../x", &target).is_err());
        assert!(publish(&lab, "", &target).is_err());
        assert_eq!(fs::read_link("/run/netns/dead").unwrap(), target);
        // A link that somebody made in the lab's place stays.
        fs::remove_file("/run/netns/reused").unwrap();
        symlink("/proc/1/ns/net", "/run/netns/reused").unwrap();
        let report = lab.release().unwrap();
        assert!(
            report.removed.contains(&"namespace name /run/netns/dead".to_owned()),
            "{report:?}"
        );
        assert!(!symlink_exists("/run/netns/dead"));
        for name in ["reused", "foreign", "real"] {
            assert!(symlink_exists(&format!("/run/netns/{name}")), "{name}");
        }
        drop(file);
    });
}

#[test]
fn the_directory_goes_with_the_last_lab_that_uses_it() {
    for dies in [false, true] {
        on_a_fresh_host(move || {
            let (_file, target) = namespace();
            let one = acquire("one");
            publish(&one, "a", &target).unwrap();
            publish(&one, "b", &target).unwrap();
            let two = acquire("two");
            publish(&two, "c", &target).unwrap();
            if dies {
                crash(one);
                cleanup(&root(), Some("one")).unwrap();
            } else {
                release(one);
            }
            assert_eq!(run("ls /run/netns"), "c\n");
            release(two);
            assert_eq!(run_dir(), "/run\n");
        });
    }
}

#[test]
fn a_directory_that_was_there_stays() {
    on_a_fresh_host(|| {
        fs::create_dir(DIR).unwrap();
        let lab = acquire("dc");
        publish(&lab, "a", &namespace().1).unwrap();
        release(lab);
        assert_eq!(run_dir(), "/run\n/run/netns\n");
    });
}

#[test]
fn names_made_by_ip_netns_are_not_disturbed() {
    on_a_fresh_host(|| {
        let lab = acquire("dc");
        let (_file, target) = namespace();
        publish(&lab, "mine", &target).unwrap();
        // Mounts /run/netns onto itself and a namespace onto a file.
        run("ip netns add theirs");
        assert!(matches!(
            publish(&lab, "theirs", &target),
            Err(PublishError::Taken { .. })
        ));
        let report = lab.release().unwrap();
        assert!(report.errors.is_empty(), "{report:?}");
        run("ip netns exec theirs true");
        assert_eq!(run("ls /run/netns"), "theirs\n");
    });
}

#[test]
fn names_and_sysctls_can_be_claimed_side_by_side() {
    on_a_fresh_host(|| {
        let lab = acquire("dc");
        let (done, all) = mpsc::channel();
        let (names, sysctls) = (lab.recorder().clone(), lab.recorder().clone());
        let finished = done.clone();
        thread::spawn(move || {
            for number in 0..200 {
                let dir = PathBuf::from(format!("/run/netns{number}"));
                publish_netns(&names, &dir, "core", Path::new("/proc/self/fd/0")).unwrap();
            }
            finished.send(()).unwrap();
        });
        thread::spawn(move || {
            for _ in 0..200 {
                sysctl::claim_blocking(&sysctls, &["net.ipv4.ip_forward".into()]).unwrap();
            }
            done.send(()).unwrap();
        });
        for _ in 0..2 {
            all.recv_timeout(Duration::from_secs(60))
                .expect("they wait for each other");
        }
        release(lab);
    });
}
