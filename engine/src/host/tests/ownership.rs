//! Who may be the engine of a lab, and what happens when one dies.

use std::{fs, sync::mpsc, thread, time::Duration};

use super::{super::*, leftovers::make_link, *};

#[test]
fn a_lab_has_one_engine_at_a_time() {
    on_a_fresh_host(|| {
        let lab = acquire("dc");
        let error = LabDir::acquire(&root(), "dc").unwrap_err();
        let pid = std::process::id();
        assert_eq!(
            error.to_string(),
            format!(
                "The lab dc is already running as process {pid}; stop it, or give this one another name with --name."
            )
        );
        let other = acquire("other");
        release(lab);
        release(acquire("dc"));
        release(other);
        assert_eq!(run_dir(), "/run\n");
    });
}

#[test]
fn directories_are_private() {
    on_a_fresh_host(|| {
        let lab = acquire("dc");
        assert_eq!(run("stat -c %a /run/placemat2 /run/placemat2/dc"), "700\n700\n");
        assert_eq!(lab.path(), Path::new("/run/placemat2/dc"));
        assert_eq!(lab.lab(), "dc");
    });
}

#[test]
fn names_that_are_no_directories_are_refused() {
    let root = tempfile::tempdir().unwrap();
    for name in ["", ".", "..", "a/b", ".hidden", "-x", "a b", &"x".repeat(65), "a\0"] {
        let error = LabDir::acquire(root.path(), name).unwrap_err();
        assert!(matches!(error, LabDirError::Name { .. }), "{name:?}: {error}");
    }
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
}

#[test]
fn labs_are_listed_dead_or_alive() {
    on_a_fresh_host(|| {
        assert_eq!(LabDir::list(&root()).unwrap(), []);
        let one = acquire("one");
        crash(acquire("two"));
        let pid = Some(std::process::id());
        let entry = |lab: &str, live| LabEntry {
            lab: lab.into(),
            path: root().join(lab),
            live,
            pid,
        };
        assert_eq!(
            LabDir::list(&root()).unwrap(),
            [entry("one", true), entry("two", false)]
        );
        let cleanup = cleanup(&root(), None).unwrap();
        assert_eq!(cleanup.running, [entry("one", true)]);
        assert_eq!(cleanup.cleaned.len(), 1);
        release(one);
        assert_eq!(run_dir(), "/run\n");
        fs::create_dir_all(root().join(".gone-1-1/full")).unwrap();
        super::super::cleanup(&root(), None).unwrap();
        assert_eq!(run_dir(), "/run\n");
    });
}

#[test]
fn cleanup_refuses_a_running_lab_and_an_unknown_one() {
    on_a_fresh_host(|| {
        let error = cleanup(&root(), Some("dc")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "There is nothing left of a lab dc in /run/placemat2."
        );
        let lab = acquire("dc");
        let error = cleanup(&root(), Some("dc")).unwrap_err();
        assert!(matches!(error, LabDirError::Running { .. }), "{error}");
        crash(lab);
        cleanup(&root(), Some("dc")).unwrap();
        assert_eq!(run_dir(), "/run\n");
    });
}

#[test]
fn a_start_waits_for_the_keeper_of_the_dead_run() {
    on_a_fresh_host(|| {
        for keeper_undoes in [true, false] {
            let lab = acquire("dc");
            let keeper = KeeperLock::take(lab.path()).unwrap();
            KeeperLock::take(lab.path()).unwrap_err();
            make_link(&lab, "/run/link");
            crash(lab);
            let (acquired, wait) = mpsc::channel();
            let engine = thread::spawn(move || {
                let lab = acquire("dc");
                acquired.send(()).unwrap();
                lab
            });
            assert!(wait.recv_timeout(Duration::from_millis(200)).is_err());
            if keeper_undoes {
                assert_eq!(keeper.undo().unwrap().removed, ["symbolic link /run/link"]);
            } else {
                drop(keeper);
            }
            wait.recv_timeout(Duration::from_secs(20)).unwrap();
            let lab = engine.join().unwrap();
            assert_eq!(lab.found().removed.is_empty(), keeper_undoes);
            assert!(!symlink_exists("/run/link"));
            release(lab);
            assert_eq!(run_dir(), "/run\n");
        }
    });
}

#[test]
fn a_keeper_that_comes_after_an_orderly_end_finds_nothing() {
    on_a_fresh_host(|| {
        let lab = acquire("dc");
        let keeper = KeeperLock::take(lab.path()).unwrap();
        release(lab);
        assert!(keeper.undo().unwrap().removed.is_empty());
        KeeperLock::take(&root().join("dc")).unwrap_err();
        assert_eq!(run_dir(), "/run\n");
    });
}

#[test]
fn many_engines_and_keepers_at_once_never_share_a_lab() {
    on_a_fresh_host(|| {
        let threads: Vec<_> = (0..8)
            .map(|n| {
                thread::spawn(move || {
                    for round in 0..50 {
                        match LabDir::acquire(&root(), "dc") {
                            Ok(lab) => {
                                let keeper = KeeperLock::take(lab.path()).unwrap();
                                let mine = lab.path().join("mine");
                                fs::write(&mine, format!("{n} {round}")).unwrap();
                                thread::yield_now();
                                assert_eq!(fs::read_to_string(&mine).unwrap(), format!("{n} {round}"));
                                if round % 2 == 0 {
                                    drop(lab);
                                    keeper.undo().unwrap();
                                } else {
                                    lab.release().unwrap();
                                }
                            }
                            Err(LabDirError::Running { .. }) => {}
                            Err(error) => panic!("{error}"),
                        }
                        LabDir::list(&root()).unwrap();
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(run_dir(), "/run\n");
    });
}
