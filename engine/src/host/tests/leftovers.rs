//! The record, and the files a lab leaves.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::{fs::symlink, net::UnixListener},
};

use super::{
    super::{firewall, *},
    *,
};

/// Where a link points that stands for whatever a lab makes.
const NOWHERE: &str = "/nowhere";

fn link(path: &str) -> Undo {
    Undo::Symlink {
        path: path.into(),
        target: NOWHERE.into(),
    }
}

/// Makes a link for a lab, by its record.
pub fn make_link(lab: &LabDir, path: &str) {
    let make = || {
        symlink(NOWHERE, path).unwrap();
        Ok::<_, RecordError>(())
    };
    lab.recorder().make(&link(path), make).unwrap();
}

fn note(lab: &LabDir, undo: &Undo) {
    lab.recorder().make(undo, || Ok::<_, RecordError>(())).unwrap();
}

#[test]
fn what_is_not_the_labs_any_more_stays() {
    on_a_fresh_host(|| {
        let lab = acquire("dc");
        note(&lab, &link("/run/link"));
        symlink("/dev/pts/8", "/run/link").unwrap();
        note(
            &lab,
            &Undo::Socket {
                path: "/run/file".into(),
            },
        );
        fs::write("/run/file", "").unwrap();
        note(&lab, &link("/run/dir"));
        fs::create_dir(Path::new("/run/dir")).unwrap();
        let before = run("find /run -path /run/placemat2 -prune -o -print | sort");
        let report = lab.release().unwrap();
        assert_eq!(report.left.len(), 3, "{report:?}");
        assert!(report.errors.is_empty() && report.removed.is_empty(), "{report:?}");
        assert_eq!(run_dir(), before);
    });
}

#[test]
fn a_lab_whose_directory_was_removed_leaves_nothing_else() {
    on_a_fresh_host(|| {
        let before = run_dir();
        let lab = acquire("dc");
        let link = Undo::Symlink {
            path: "/run/link".into(),
            target: "/dev/pts/7".into(),
        };
        note(&lab, &link);
        symlink("/dev/pts/7", "/run/link").unwrap();
        fs::remove_dir_all(lab.path()).unwrap();
        assert_eq!(release(lab), ["symbolic link /run/link"]);
        assert_eq!(run_dir(), before);
    });
}

#[test]
fn a_lab_whose_directory_is_anothers_leaves_that_one_alone() {
    on_a_fresh_host(|| {
        let before = run_dir();
        let lab = acquire("dc");
        fs::remove_dir_all(lab.path()).unwrap();
        let other = acquire("dc");
        let error = lab.release().unwrap_err();
        assert!(matches!(error, LabDirError::Replaced { pid: Some(_), .. }), "{error}");
        assert!(other.path().exists());
        release(other);
        assert_eq!(run_dir(), before);
    });
}

#[test]
fn files_of_nodes_that_nobody_has_any_more_go() {
    on_a_fresh_host(|| {
        let disks = Path::new("/run/disks");
        let lab = acquire("dc");
        let (directory, suffixes) = (disks.to_owned(), vec![".part".to_owned(), ".owner".to_owned()]);
        note(&lab, &Undo::Unlocked { directory, suffixes });
        fs::create_dir(disks).unwrap();
        for name in [
            "root.img",
            ".root.img.owner",
            ".root.img.1-0.part",
            ".root.img.download",
            ".more.img.owner",
        ] {
            fs::write(disks.join(name), "").unwrap();
        }
        let others = fs::File::open(disks.join(".more.img.owner")).unwrap();
        others.lock().unwrap();
        // As a crash does.
        drop(lab);
        cleanup(&root(), None).unwrap();
        assert_eq!(
            run("ls -A /run/disks"),
            ".more.img.owner\n.root.img.download\nroot.img\n"
        );
    });
}

#[test]
fn a_mount_point_in_the_place_of_the_directory_of_all_labs_stays() {
    on_a_fresh_host(|| {
        fs::create_dir(root()).unwrap();
        run("mount -t tmpfs tmpfs /run/placemat2");
        release(acquire("dc"));
        assert!(cleanup(&root(), None).unwrap().failed.is_empty());
        assert_eq!(run("ls -A /run/placemat2"), "");
    });
}

#[test]
fn a_keeper_that_lingers_leaves_the_next_run_alone() {
    on_a_fresh_host(|| {
        let lab = acquire("dc");
        let keeper = KeeperLock::take(lab.path()).unwrap();
        release(lab);
        let next = acquire("dc");
        make_link(&next, "/run/next");
        let report = keeper.undo().unwrap();
        assert!(report.removed.is_empty(), "{report:?}");
        assert_eq!(release(next).len(), 1);
    });
}

#[test]
fn a_lab_that_cannot_be_cleaned_up_does_not_stop_the_others() {
    on_a_fresh_host(|| {
        for name in ["broken", "whole"] {
            crash(acquire(name));
        }
        run("cd /run/placemat2/broken && rm record && mkdir record");
        let cleanup = cleanup(&root(), None).unwrap();
        let failed: Vec<_> = cleanup.failed.iter().map(|(lab, _)| lab.as_str()).collect();
        let cleaned: Vec<_> = cleanup.cleaned.iter().map(|(lab, _)| lab.as_str()).collect();
        assert_eq!((failed, cleaned), (vec!["broken"], vec!["whole"]));
        assert_eq!(run("ls /run/placemat2"), "broken\n");
    });
}

#[test]
fn sockets_go_unless_another_process_listens() {
    on_a_fresh_host(|| {
        let lab = acquire("dc");
        for path in ["/run/dead", "/run/own", "/run/other", "/run/never"] {
            note(&lab, &Undo::Socket { path: path.into() });
        }
        drop(UnixListener::bind("/run/dead").unwrap());
        let own = UnixListener::bind("/run/own").unwrap();
        // Perl is part of every Debian.
        let script = "use Socket; socket(S, AF_UNIX, SOCK_STREAM, 0); bind(S, sockaddr_un('/run/other')); listen(S, 1); \
                      $| = 1; print \"\\n\"; <STDIN>";
        let mut other = Command::new("perl")
            .args(["-e", script])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Read::read_exact(other.stdout.as_mut().unwrap(), &mut [0]).unwrap();
        let report = lab.release().unwrap();
        assert_eq!(report.removed, ["socket /run/own", "socket /run/dead"]);
        assert_eq!(report.left, ["socket /run/other: a process listens on it"]);
        assert_eq!(run_dir(), "/run\n/run/other\n");
        drop((own, other.stdin.take()));
        other.wait().unwrap();
    });
}

#[test]
fn a_record_cut_short_is_undone_as_far_as_it_goes() {
    on_a_fresh_host(|| {
        let lab = acquire("dc");
        make_link(&lab, "/run/a");
        make_link(&lab, "/run/b");
        let dir = crash(lab);
        let mut record = OpenOptions::new().append(true).open(dir.join("record")).unwrap();
        record
            .write_all(b"\xff\0garbage\n{\"made\":\"from-the-future\"}\n{\"made\":\"symlink\",\"pa")
            .unwrap();
        let again = acquire("dc");
        // The last first.
        assert_eq!(again.found().removed, ["symbolic link /run/b", "symbolic link /run/a"]);
        assert!(release(again).is_empty());
        assert_eq!(run_dir(), "/run\n");
    });
}

#[test]
fn what_fails_stays_recorded_until_it_works() {
    on_a_fresh_host(|| {
        let lab = acquire("dc");
        // Nobody can make or remove anything in there, not even root.
        run("mkdir /run/ro && touch /run/ro/x && mount -t tmpfs -o ro none /run/ro");
        note(&lab, &link("/run/ro/link"));
        run("mount -o remount,rw /run/ro && ln -s /nowhere /run/ro/link && mount -o remount,ro /run/ro");
        let report = lab.release().unwrap();
        assert_eq!(report.errors.len(), 1);
        assert_eq!(
            report.errors[0].to_string(),
            "Cannot remove symbolic link /run/ro/link: Read-only file system (os error 30)."
        );
        assert_eq!(LabDir::list(&root()).unwrap().len(), 1);
        run("mount -o remount,rw /run/ro");
        let cleaned = cleanup(&root(), Some("dc")).unwrap();
        assert_eq!(cleaned.cleaned[0].1.removed, ["symbolic link /run/ro/link"]);
        assert!(!root().exists());
    });
}

#[test]
fn nothing_is_made_once_the_lab_is_taken_down() {
    on_a_fresh_host(|| {
        let lab = acquire("dc");
        let recorder = lab.recorder().clone();
        release(lab);
        let made: Result<(), RecordError> = recorder.make(&link("/run/late"), || panic!("made after the end"));
        assert!(matches!(made, Err(RecordError::Closed)));
        assert!(firewall::accept_blocking(&recorder, &["ext".into()]).is_err());
        assert_eq!(run_dir(), "/run\n");
    });
}

#[test]
fn a_link_is_removed_only_if_it_is_the_same_and_of_no_living_lab() {
    on_a_fresh_host(|| {
        let link = |name: &str| Undo::HostLink {
            name: name.into(),
            mac: "02:00:00:00:00:0A".into(),
        };
        for name in ["same", "other", "taken"] {
            run(&format!("ip link add {name} type veth peer name {name}-p"));
        }
        run("ip link set same address 02:00:00:00:00:0a; ip link set taken address 02:00:00:00:00:0a");
        let alive = acquire("alive");
        note(&alive, &link("taken"));
        let lab = acquire("dc");
        for name in ["same", "other", "taken", "never"] {
            note(&lab, &link(name));
        }
        let report = lab.release().unwrap();
        assert_eq!(report.removed, ["link same"]);
        let left = [
            "link taken: another lab has it now",
            "link other: another link of that name is there now",
        ];
        assert_eq!(report.left, left);
        assert!(report.errors.is_empty(), "{report:?}");
        run("ip link show other && ip link show taken && ! ip link show same");
        assert_eq!(release(alive), ["link taken"]);
    });
}

proptest::proptest! {
    /// Whatever is in a record, reading it ends well and undoes nothing that is not there.
    #[test]
    fn any_bytes_can_be_a_record(bytes: Vec<u8>) {
        let root = tempfile::tempdir().unwrap();
        let lab = LabDir::acquire(root.path(), "dc").unwrap();
        fs::write(lab.path().join("record"), bytes).unwrap();
        assert!(lab.release().unwrap().errors.is_empty());
    }
}
